/* FreeBSD. */
#include "posix.h"

#include <sys/exec.h>
#include <sys/procctl.h>
#include <sys/sysctl.h>

#include <stdlib.h>

extern char **environ;

/* LD_* includes LD_32_* and LD_64_*, the prefixes of rtld(1) for other ABIs. */
static const char *const loader_variables[] = {"LD_*", NULL};
const char *const *const ph_platform_loader_variables = loader_variables;

static const char disable[] =
    "procctl(P_PID, getpid(), PROC_TRACE_CTL, PROC_TRACE_CTL_DISABLE_EXEC)";
static const char ask[] = "procctl(P_PID, getpid(), PROC_TRACE_STATUS)";

char ***ph_platform_environ(void)
{
    return &environ;
}

/* The next setenv(3) would restore the variable from libc's own list (envVars in
 * lib/libc/stdlib/getenv.c). The copy of its value in that list is not wiped. */
int ph_platform_forget_variable(const char *entry, size_t name_length)
{
    char name[256];

    if (name_length >= sizeof name)
        return ENAMETOOLONG;
    for (size_t i = 0; i < name_length; i++)
        name[i] = entry[i];
    name[name_length] = '\0';
    return unsetenv(name) ? errno : 0;
}

/* Returns 0, or -1 and sets errno. Older releases do not accept 0 for the caller's pid. */
static int control(int command, int *value)
{
    return procctl(P_PID, (id_t)getpid(), command, value);
}

/* Type: prevents inspection and core dumps.
 * Targets: ptrace, ktrace, sysctl(KERN_PROC_ENV) and everything else that p_candebug() guards.
 * API: procctl(PROC_TRACE_CTL); fork keeps it, and execve keeps DISABLE_EXEC.
 * PROC_TRACE_STATUS is -1 for both DISABLE and DISABLE_EXEC, so this always sets DISABLE_EXEC.
 * Errors: exit code 6 with a tracer, else 5; EBUSY without a tracer means ktrace(1).
 * Source: procctl(2), sys/kern/kern_procctl.c trace_ctl and trace_status. */
enum ph_outcome ph_platform_inspection(struct ph_failure *failure)
{
    int before = 0, after = 0;
    int state = PROC_TRACE_CTL_DISABLE_EXEC;

    if (control(PROC_TRACE_STATUS, &before))
        return ph_fail(failure, PH_INSPECTION, ask, errno);
    if (control(PROC_TRACE_CTL, &state)) {
        int error = errno;

        /* Read again: a tracer may have attached since. */
        if (error == EBUSY && !control(PROC_TRACE_STATUS, &before) && before > 0)
            return ph_fail_traced(failure, disable, before);
        return ph_fail(failure, PH_INSPECTION, disable, error);
    }
    if (control(PROC_TRACE_STATUS, &after))
        return ph_fail(failure, PH_INSPECTION, ask, errno);
    if (after != -1)
        return ph_fail_read_back(failure, PH_INSPECTION, disable, after);
    return before == -1 ? PH_ALREADY : PH_APPLIED;
}

/* Type: detects a tracer. Targets: debuggers that attached earlier.
 * API: procctl(PROC_TRACE_STATUS). Errors: exit code 6; 5 if the call fails.
 * Source: procctl(2). */
enum ph_outcome ph_platform_refuse_tracer(struct ph_failure *failure)
{
    int tracer = 0;

    if (control(PROC_TRACE_STATUS, &tracer))
        return ph_fail(failure, PH_INSPECTION, ask, errno);
    return tracer > 0 ? ph_fail_traced(failure, "hardening", tracer) : PH_ALREADY;
}

/* Type: prevents privilege escalation. Targets: set-user-ID programs.
 * API: procctl(PROC_NO_NEW_PRIVS_CTL); children inherit it. Older headers lack it; older
 * kernels return EINVAL.
 * Errors: exit code 5. Source: procctl(2). */
enum ph_outcome ph_platform_no_new_privs(struct ph_failure *failure)
{
#ifdef PROC_NO_NEW_PRIVS_CTL
    static const char call[] =
        "procctl(P_PID, getpid(), PROC_NO_NEW_PRIVS_CTL, PROC_NO_NEW_PRIVS_ENABLE)";
    int enable = PROC_NO_NEW_PRIVS_ENABLE, now = 0;

    if (!control(PROC_NO_NEW_PRIVS_STATUS, &now) && now == PROC_NO_NEW_PRIVS_ENABLE)
        return PH_ALREADY;
    if (control(PROC_NO_NEW_PRIVS_CTL, &enable))
        return ph_fail(failure, PH_NO_NEW_PRIVS, call, errno);
    if (control(PROC_NO_NEW_PRIVS_STATUS, &now))
        return ph_fail(failure, PH_NO_NEW_PRIVS,
                       "procctl(P_PID, getpid(), PROC_NO_NEW_PRIVS_STATUS)", errno);
    if (now != PROC_NO_NEW_PRIVS_ENABLE)
        return ph_fail_read_back(failure, PH_NO_NEW_PRIVS, call, now);
    return PH_APPLIED;
#else
    (void)failure;
    return PH_UNSUPPORTED;
#endif
}

/* sysctl(KERN_PROC_ENV) reads the strings that struct ps_strings points to.
 * Source: sys/kern/kern_proc.c get_ps_strings, sys/sys/exec.h. */
int ph_platform_environment_block(struct ph_span *block, struct ph_failure *failure)
{
    unsigned long address = 0;
    size_t size = sizeof address;
    const struct ps_strings *strings;
    int error = sysctlbyname("kern.ps_strings", &address, &size, NULL, 0) ? errno : 0;

    if (error || !address) {
        ph_fail(failure, PH_ENVIRONMENT, "sysctlbyname(\"kern.ps_strings\")",
                error ? error : ENOENT);
        return -1;
    }
    strings = (const struct ps_strings *)address;
    posix_environment_block(strings->ps_envstr, strings->ps_nenvstr, strings, block);
    return 0;
}

void ph_status(struct ph_status *status)
{
    int tracing = 0;

    posix_status(status);
    if (!control(PROC_TRACE_STATUS, &tracing)) {
        status->inspectable = tracing != -1;
        status->tracer_pid = tracing > 0 ? tracing : 0;
    }
#ifdef PROC_NO_NEW_PRIVS_CTL
    int privileges = 0;

    if (!control(PROC_NO_NEW_PRIVS_STATUS, &privileges))
        status->no_new_privs = privileges == PROC_NO_NEW_PRIVS_ENABLE;
#endif
}
