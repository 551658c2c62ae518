#include <sys/types.h>

#define PT_DENY_ATTACH 31
#define ptrace fake_ptrace
int ptrace(int request, pid_t pid, char *address, int data);
