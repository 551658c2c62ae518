/* Child processes without libc (Linux). */
#ifndef PH_PROCESS_H
#define PH_PROCESS_H

#include "../core/platform/linux_syscall.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

/* close_range(2), which not every libc has: the same on every architecture. */
#define CALL_CLOSE_RANGE 436

/* One half of the sets of capget(2) and capset(2), for which musl has no header. */
struct ph_capabilities {
    uint32_t effective, permitted, inheritable;
};
#define PH_CAPABILITY_VERSION 0x20080522

/* clone(2) as fork(2), without a signal at the end. */
static inline long ph_fork(unsigned long flags, int *pidfd)
{
#ifdef __s390x__
    return PH_CALL(SYS_clone, 0, flags, pidfd);
#else
    return PH_CALL(SYS_clone, flags, 0, pidfd);
#endif
}

/* Waits for such a child. Returns its status word, or a negative errno value. */
static inline long ph_wait(long pid)
{
    int status = 0;
    long result;

    do
        result = PH_CALL(SYS_wait4, pid, &status, __WALL);
    while (result == -EINTR);
    return result < 0 ? result : status;
}

#endif
