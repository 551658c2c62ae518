/* NetBSD, where a process cannot prevent inspection. */
#include "posix.h"

#include <sys/exec.h>
#include <sys/sysctl.h>

extern char **environ;

/* Not declared in a header. crt0 sets it before main(), but after the constructors of
 * libraries (lib/libc/misc/initfini.c). Weak, in case libc lacks it. */
extern struct ps_strings *__ps_strings __attribute__((weak));

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

/* Returns the pid of the tracer, or 0; on failure, returns -1 and sets errno.
 * Source: sysctl(7) kern.proc2, sys/kern/sys_ptrace_common.c PT_ATTACH (it reparents). */
static int64_t read_tracer(void)
{
    struct kinfo_proc2 self;
    size_t size = sizeof self;
    int name[] = {CTL_KERN, KERN_PROC2, KERN_PROC_PID, getpid(), (int)sizeof self, 1};

    if (sysctl(name, 6, &self, &size, NULL, 0))
        return -1;
    if (size < sizeof self) {
        errno = ESRCH;
        return -1;
    }
    return posix_tracer(self.p_flag & P_TRACED, self.p_ppid);
}

/* Type: detects a tracer. Targets: debuggers that attached earlier.
 * API: sysctl(KERN_PROC2), P_TRACED. Errors: exit code 6. Source: sysctl(7), sys/sysctl.h. */
enum ph_outcome ph_platform_refuse_tracer(struct ph_failure *failure)
{
    return posix_refuse(failure, read_tracer(), "hardening", "sysctl(KERN_PROC2)");
}

enum ph_outcome ph_platform_no_new_privs(struct ph_failure *failure)
{
    (void)failure;
    return PH_UNSUPPORTED;
}

/* sysctl(KERN_PROC_ENV) reads the strings that struct ps_strings points to.
 * Source: sys/kern/kern_proc.c copyin_psstrings, lib/libc/gen/setproctitle.c. */
int ph_platform_environment_block(struct ph_span *block, struct ph_failure *failure)
{
    const struct ps_strings *strings = &__ps_strings ? __ps_strings : NULL;

    if (!strings) {
        ph_fail(failure, PH_ENVIRONMENT, "finding __ps_strings", ENOENT);
        return -1;
    }
    posix_environment_block(strings->ps_envstr, (size_t)strings->ps_nenvstr, strings, block);
    return 0;
}

void ph_status(struct ph_status *status)
{
    posix_status(status);
    status->tracer_pid = read_tracer();
}
