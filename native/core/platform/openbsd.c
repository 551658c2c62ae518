/* OpenBSD, where a process cannot prevent inspection. By default (kern.global_ptrace=0)
 * a debugger can attach only to its own children. */
#include "posix.h"

#include <signal.h> /* sys/proc.h does not compile without it */
#include <sys/exec.h>
#include <sys/proc.h>
#include <sys/sysctl.h>
#include <uvm/uvmexp.h>

extern char **environ;

static const char *const loader_variables[] = {"LD_*", NULL};
const char *const *const ph_platform_loader_variables = loader_variables;

char ***ph_platform_environ(void)
{
    return &environ;
}

int ph_platform_forget_variable(const char *entry, size_t name_length)
{
    (void)entry, (void)name_length;
    return 0;
}

enum ph_outcome ph_platform_inspection(struct ph_failure *failure)
{
    (void)failure;
    return PH_UNSUPPORTED;
}

/* Returns the pid of the tracer, or 0; on failure, returns -1 and sets errno. Needs pledge(2) "ps".
 * Source: sysctl(2) KERN_PROC, sys/kern/sys_process.c PT_ATTACH (it reparents). */
static int64_t read_tracer(void)
{
    struct kinfo_proc self;
    size_t size = sizeof self;
    int name[] = {CTL_KERN, KERN_PROC, KERN_PROC_PID, getpid(), (int)sizeof self, 1};

    if (sysctl(name, 6, &self, &size, NULL, 0))
        return -1;
    if (size < sizeof self) {
        errno = ESRCH;
        return -1;
    }
    return posix_tracer((self.p_psflags & PS_TRACED) != 0, self.p_ppid);
}

/* Type: detects a tracer. Targets: debuggers that attached earlier.
 * API: sysctl(KERN_PROC_PID), PS_TRACED. Errors: exit code 6. Source: sysctl(2), sys/proc.h. */
enum ph_outcome ph_platform_refuse_tracer(struct ph_failure *failure)
{
    return posix_refuse(failure, read_tracer(), "hardening", "sysctl(KERN_PROC_PID)");
}

enum ph_outcome ph_platform_no_new_privs(struct ph_failure *failure)
{
    (void)failure;
    return PH_UNSUPPORTED;
}

/* sysctl(KERN_PROC_ENV) reads the strings that struct ps_strings points to.
 * Source: sys/kern/kern_sysctl.c sysctl_proc_args, lib/libc/gen/setproctitle.c. */
int ph_platform_environment_block(struct ph_span *block, struct ph_failure *failure)
{
    int name[] = {CTL_VM, VM_PSSTRINGS};
    struct _ps_strings where = {NULL};
    size_t size = sizeof where;
    const struct ps_strings *strings;
    int error = sysctl(name, 2, &where, &size, NULL, 0) ? errno : 0;

    if (error || !where.val) {
        ph_fail(failure, PH_ENVIRONMENT, "sysctl(VM_PSSTRINGS)",
                error ? error : ENOENT);
        return -1;
    }
    strings = where.val;
    posix_environment_block(strings->ps_envstr, (size_t)strings->ps_nenvstr, strings, block);
    return 0;
}

void ph_status(struct ph_status *status)
{
    posix_status(status);
    status->tracer_pid = read_tracer();
}
