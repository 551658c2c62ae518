/* The assumptions of platform/netbsd.c and its fake about the system's headers. */
#include "posix.h"

#include <stdint.h>
#include <sys/exec.h>
#include <sys/sysctl.h>

TYPE(&sysctl, int (*)(const int *, unsigned, void *, size_t *, const void *, size_t));
VALUE(CTL_KERN, 1);
VALUE(KERN_PROC2, 47);
VALUE(KERN_PROC_PID, 1);
VALUE(P_TRACED, 0x800);
FIELD(struct kinfo_proc2, p_flag, int32_t);
FIELD(struct kinfo_proc2, p_ppid, int32_t);
FIELD(struct ps_strings, ps_envstr, char **);
FIELD(struct ps_strings, ps_nenvstr, int);
