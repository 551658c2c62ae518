#include <stdint.h>
#include <sys/types.h>

#define CTL_KERN 1
#define KERN_PROC2 47
#define KERN_PROC_PID 1
#define P_TRACED 0x00000800

struct kinfo_proc2 {
    int32_t p_flag;
    int32_t p_ppid;
};

#define sysctl fake_sysctl
int sysctl(const int *name, unsigned length, void *old, size_t *old_size, const void *new,
           size_t new_size);
