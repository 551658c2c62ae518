/* Helpers for the files of macOS and the BSDs; posix.c has the functions that are the
 * same on all of them. */
#ifndef PH_POSIX_H
#define PH_POSIX_H

#include "../platform.h"

#include <errno.h>
#include <sys/types.h>
#include <sys/resource.h>
#include <unistd.h>

/* Reads the core limit and marks everything else unknown. */
static inline void posix_status(struct ph_status *status)
{
    struct rlimit limit = {0, 0};

    *status = (struct ph_status){-1, -1, -1, -1, -1, -1, !getrlimit(RLIMIT_CORE, &limit), 0, 0};
    status->core_soft = limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : (uint64_t)limit.rlim_cur;
    status->core_hard = limit.rlim_max == RLIM_INFINITY ? UINT64_MAX : (uint64_t)limit.rlim_max;
}

/* Returns the pid of the tracer, which these systems make the parent of the traced process. */
static inline int64_t posix_tracer(int traced, int64_t parent)
{
    if (!traced)
        return 0;
    return parent > 0 ? parent : PH_TRACER_UNNAMED;
}

/* Fails if there is a tracer. tracer is -1 if the call named by asked failed with errno. */
static inline enum ph_outcome posix_refuse(struct ph_failure *failure, int64_t tracer,
                                           const char *refused, const char *asked)
{
    if (tracer < 0)
        return ph_fail_ptrace(failure, asked, errno);
    if (tracer)
        return ph_fail_traced(failure, refused, tracer == PH_TRACER_UNNAMED ? 0 : (long)tracer);
    return PH_ALREADY;
}

/* Finds the range of the strings to which the vector made by exec points. The kernel does not show
 * a string that unsetenv(3) has removed from that vector. exec puts the strings between envp and
 * limit; strings that setenv(3) adds are elsewhere. */
static inline void posix_environment_block(char **envp, size_t count, const void *limit,
                                           struct ph_span *block)
{
    uintptr_t low = (uintptr_t)(envp + count), high = (uintptr_t)limit;
    char *last = NULL;

    block->start = block->end = NULL;
    /* Continues past a NULL: unsetenv(3) moves pointers down and leaves a copy of the last one. */
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

#endif
