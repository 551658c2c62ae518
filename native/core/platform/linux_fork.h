/* Child processes without libc. */
#ifndef PH_LINUX_FORK_H
#define PH_LINUX_FORK_H

#include "linux_syscall.h"

#include <errno.h>

/* Like fork(2), but the child sends no signal when it exits. A seccomp filter can answer 0 without
 * creating a child, so that this process would continue as its own child. The pid reveals this: a
 * filter can only replace it by 0 or an error. */
static inline long ph_fork(unsigned long flags, int *pidfd)
{
    const long own = ph_syscall(SYS_getpid, 0, 0, 0, 0, 0);

    if (own <= 0)
        return -EIO;
#ifdef __s390x__
    const long pid = PH_CALL(SYS_clone, 0, flags, pidfd);
#else
    const long pid = PH_CALL(SYS_clone, flags, 0, pidfd);
#endif

    return !pid && ph_syscall(SYS_getpid, 0, 0, 0, 0, 0) == own ? -EIO : pid;
}

#endif
