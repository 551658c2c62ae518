/* The child processes and capabilities of a launcher, and close_range(2) (Linux). */
#ifndef PH_PROCESS_H
#define PH_PROCESS_H

#include "../core/platform/linux_fork.h"
#include "../core/platform/linux_ids.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

/* close_range(2), which some libcs lack. The number is the same on every architecture. */
#define CALL_CLOSE_RANGE 436

/* Whether capget(2) filled in `held`. If a seccomp filter faked its success, the initial value is
 * unchanged, which is impossible otherwise: there are fewer than 64 capabilities. */
#define PH_NO_CAPABILITIES {{0, 0, 0}, {0, UINT32_MAX, 0}}
static inline int ph_were_read(const struct ph_capabilities held[2])
{
    return held[1].permitted != UINT32_MAX;
}

/* Waits for a child of ph_fork(). Returns its exit status, or a negative errno value: -EINTR if a
 * signal killed it. */
static inline long ph_wait(long pid)
{
    int status = 0;
    long result;

    do
        result = PH_CALL(SYS_wait4, pid, &status, __WALL);
    while (result == -EINTR);
    if (result < 0)
        return result;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

/* Waits for a child that exits with 0 or an errno value. Returns 0 or the negative errno value.
 * pid -- what ph_fork() returned; if that is an error, it is returned unchanged */
static inline long ph_wait_for_error(long pid)
{
    const long status = pid < 0 ? pid : ph_wait(pid);

    return status > 0 ? -status : status;
}

#endif
