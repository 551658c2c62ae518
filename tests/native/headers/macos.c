/* The assumptions of platform/macos.c and its fake about the system's headers. */
#include "posix.h"

#include <crt_externs.h>
#include <sys/sysctl.h>

/* The cross-compiler lacks this header; macos.c then has its own declarations. */
#if __has_include(<sys/ptrace.h>)
#include <sys/ptrace.h>
VALUE(PT_DENY_ATTACH, 31);
TYPE(&ptrace, int (*)(int, pid_t, char *, int));
#endif

TYPE(&_NSGetEnviron, char ***(*)(void));
TYPE(&sysctl, int (*)(int *, unsigned, void *, size_t *, void *, size_t));
VALUE(CTL_KERN, 1);
VALUE(KERN_PROC, 14);
VALUE(KERN_PROC_PID, 1);
VALUE(P_TRACED, 0x800);
FIELD(struct kinfo_proc, kp_proc.p_flag, int);
FIELD(struct kinfo_proc, kp_eproc.e_ppid, pid_t);
