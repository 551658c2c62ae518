/* What macOS and the BSDs share: resource limits, writing a line, leaving, and
 * the stack as exec lays it out. Static, so that each platform file still
 * defines every function of platform.h itself. */
#ifndef PH_POSIX_H
#define PH_POSIX_H

#include "../platform.h"

#include <errno.h>
#include <sys/types.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

/* Type: stops core dumps. Targets: crash files that hold the memory.
 * API: setrlimit(RLIMIT_CORE), kept across execve; lowering needs no privilege.
 * Errors: exit code 7; a refusal while the limits are 0 already is none.
 * Source: setrlimit(2). */
static inline enum ph_outcome posix_core_limit(struct ph_failure *failure)
{
    static const char call[] = "setrlimit(RLIMIT_CORE, {0, 0})";
    static const struct rlimit zero = {0, 0};
    struct rlimit now;

    /* Not even tried when in place: OpenBSD's pledge(2) ends a process for trying. */
    if (!getrlimit(RLIMIT_CORE, &now) && !now.rlim_cur && !now.rlim_max)
        return PH_ALREADY;
    if (setrlimit(RLIMIT_CORE, &zero))
        return ph_fail(failure, PH_CORE_LIMIT, PH_EXIT_CORE_LIMIT, call, errno);
    if (getrlimit(RLIMIT_CORE, &now))
        return ph_fail(failure, PH_CORE_LIMIT, PH_EXIT_CORE_LIMIT, "getrlimit(RLIMIT_CORE)", errno);
    if (now.rlim_cur || now.rlim_max)
        return ph_fail_read_back(failure, PH_CORE_LIMIT, PH_EXIT_CORE_LIMIT, call,
                                 (long)(now.rlim_cur > now.rlim_max ? now.rlim_cur : now.rlim_max));
    return PH_APPLIED;
}

/* Fills in a status that knows nothing but the core limit. */
static inline void posix_status(struct ph_status *status)
{
    struct rlimit limit = {0, 0};

    status->dumpable = -1;
    status->inspectable = -1;
    status->no_new_privs = -1;
    status->sealed = -1;
    status->tracer_pid = -1;
    status->core_known = !getrlimit(RLIMIT_CORE, &limit);
    status->core_soft = limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : (uint64_t)limit.rlim_cur;
    status->core_hard = limit.rlim_max == RLIM_INFINITY ? UINT64_MAX : (uint64_t)limit.rlim_max;
}

/* A tracer becomes the parent of what it traces, on every system here. */
static inline int64_t posix_tracer(int traced, int64_t parent)
{
    if (!traced)
        return 0;
    return parent > 0 ? parent : PH_TRACER_UNNAMED;
}

/* Fails for any tracer but 0; -1 is an error of the call that was to tell, with errno. */
static inline enum ph_outcome posix_refuse(struct ph_failure *failure, int64_t tracer,
                                           const char *refused, const char *asked)
{
    if (tracer < 0)
        return ph_fail(failure, PH_INSPECTION, PH_EXIT_PTRACE, asked, errno);
    if (tracer)
        return ph_fail_traced(failure, refused, tracer == PH_TRACER_UNNAMED ? 0 : (long)tracer);
    return PH_ALREADY;
}

/* From the first to the last of the strings that the vector of exec points to:
 * what unsetenv(3) took out of the vector, the kernel does not show any more.
 * exec puts them above envp and below limit; what setenv(3) made lies elsewhere. */
static inline void posix_environment_block(char **envp, size_t count, const void *limit,
                                           struct ph_span *block)
{
    uintptr_t low = (uintptr_t)(envp + count), high = (uintptr_t)limit;
    char *last = NULL;

    block->start = block->end = NULL;
    /* Past a NULL too: unsetenv(3) shifts the others down and leaves the last where it was. */
    for (size_t i = 0; i < count; i++) {
        if ((uintptr_t)envp[i] < low || (uintptr_t)envp[i] >= high)
            continue;
        if (!block->start || envp[i] < block->start)
            block->start = envp[i];
        if (!last || envp[i] > last)
            last = envp[i];
    }
    if (!last)
        return;
    while ((uintptr_t)last < high && *last)
        last++;
    block->end = (uintptr_t)last < high ? last + 1 : last;
}

static inline void posix_warn(const char *line)
{
    struct iovec parts[] = {{(void *)(uintptr_t)line, 0}, {(void *)(uintptr_t)"\n", 1}};

    while (line[parts[0].iov_len])
        parts[0].iov_len++;
    /* There is nowhere left to report that standard error is closed. */
    (void)!writev(2, parts, 2);
}

#endif
