#include <stdint.h>
#include <sys/types.h>

#define CTL_KERN 1
#define CTL_VM 2
#define KERN_PROC 66
#define KERN_PROC_PID 1

struct kinfo_proc {
    int32_t p_ppid;
    uint32_t p_psflags;
};

#define sysctl fake_sysctl
int sysctl(const int *name, unsigned length, void *old, size_t *old_size, void *new,
           size_t new_size);
