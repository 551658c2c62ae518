#include <sys/types.h>

#define CTL_KERN 1
#define KERN_PROC 14
#define KERN_PROC_PID 1
#define P_TRACED 0x00000800

struct kinfo_proc {
    struct {
        int p_flag;
    } kp_proc;
    struct {
        pid_t e_ppid;
    } kp_eproc;
};

#define sysctl fake_sysctl
int sysctl(int *name, unsigned length, void *old, size_t *old_size, void *new, size_t new_size);
