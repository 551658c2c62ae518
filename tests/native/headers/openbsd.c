/* The assumptions of platform/openbsd.c and its fake about the system's headers. */
#include "posix.h"

#include <signal.h> /* sys/proc.h does not compile without it */
#include <stdint.h>
#include <sys/exec.h>
#include <sys/proc.h>
#include <sys/sysctl.h>
#include <uvm/uvmexp.h>

TYPE(&sysctl, int (*)(const int *, unsigned, void *, size_t *, void *, size_t));
VALUE(CTL_KERN, 1);
VALUE(CTL_VM, 2);
VALUE(VM_PSSTRINGS, 3);
VALUE(KERN_PROC, 66);
VALUE(KERN_PROC_PID, 1);
VALUE(PS_TRACED, 0x200);
FIELD(struct kinfo_proc, p_ppid, int32_t);
FIELD(struct kinfo_proc, p_psflags, uint32_t);
FIELD(struct _ps_strings, val, void *);
FIELD(struct ps_strings, ps_envstr, char **);
FIELD(struct ps_strings, ps_nenvstr, int);
