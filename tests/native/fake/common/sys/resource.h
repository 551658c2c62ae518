#include_next <sys/resource.h>

#define setrlimit fake_setrlimit
#define getrlimit fake_getrlimit
int setrlimit(int resource, const struct rlimit *limit);
int getrlimit(int resource, struct rlimit *limit);
