/* The functions that are the same on macOS and the BSDs. */
#include "posix.h"

#include <sys/uio.h>

int ph_platform_privileged(void)
{
    return issetugid();
}

/* Type: prevents core dumps. Targets: core files.
 * API: setrlimit(RLIMIT_CORE); execve keeps it, and lowering it needs no privilege.
 * Errors: exit code 7; no call is made if both limits are 0 already.
 * Source: setrlimit(2). */
enum ph_outcome ph_platform_core_limit(struct ph_failure *failure)
{
    static const char call[] = "setrlimit(RLIMIT_CORE, {0, 0})";
    static const struct rlimit zero = {0, 0};
    struct rlimit now;

    /* After pledge(2), OpenBSD kills a process that calls setrlimit(2). */
    if (!getrlimit(RLIMIT_CORE, &now) && !now.rlim_cur && !now.rlim_max)
        return PH_ALREADY;
    if (setrlimit(RLIMIT_CORE, &zero))
        return ph_fail(failure, PH_CORE_LIMIT, call, errno);
    if (getrlimit(RLIMIT_CORE, &now))
        return ph_fail(failure, PH_CORE_LIMIT, "getrlimit(RLIMIT_CORE)", errno);
    if (now.rlim_cur || now.rlim_max)
        return ph_fail_read_back(failure, PH_CORE_LIMIT, call,
                                 (long)(now.rlim_cur > now.rlim_max ? now.rlim_cur : now.rlim_max));
    return PH_APPLIED;
}

int ph_platform_seccomp(void)
{
    return 0;
}

enum ph_outcome ph_platform_seal(struct ph_failure *failure)
{
    (void)failure;
    return PH_UNSUPPORTED;
}

/* ph_platform_environment_block() is fast enough on these systems. */
int ph_platform_start_strings(struct ph_span *strings)
{
    (void)strings;
    return -1;
}

int ph_expose(struct ph_failure *failure)
{
    ph_fail(failure, PH_INSPECTION, "ph_expose", ENOSYS);
    return -1;
}

void ph_warn(const char *line)
{
    struct iovec parts[] = {{(void *)(uintptr_t)line, 0}, {(void *)(uintptr_t)"\n", 1}};

    while (line[parts[0].iov_len])
        parts[0].iov_len++;
    /* Errors are ignored: if standard error is closed, there is no other place to write to. */
    (void)!writev(2, parts, 2);
}

void ph_exit(int status)
{
    _exit(status);
}
