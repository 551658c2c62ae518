/* Holds back signals that our own system calls raise: they must neither kill this process nor stay
 * pending for the program that it becomes. */
#ifndef PH_LINUX_SIGNALS_H
#define PH_LINUX_SIGNALS_H

#include "linux_syscall.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#define PH_SIGNAL(number) ((uint64_t)1 << ((number)-1))

struct ph_held {
    uint64_t ours, before, pending;
};

/* Blocks these signals. */
static inline void ph_hold(struct ph_held *held, uint64_t ours)
{
    *held = (struct ph_held){ours, 0, 0};
    (void)PH_CALL(SYS_rt_sigprocmask, SIG_BLOCK, &held->ours, &held->before, sizeof ours);
    (void)PH_CALL(SYS_rt_sigpending, &held->pending, sizeof ours);
}

/* Discards those that were not pending before, and restores the mask. */
static inline void ph_release(const struct ph_held *held)
{
    const long now[2] = {0, 0};
    const uint64_t drained = held->ours & ~held->pending;

    while (PH_CALL(SYS_rt_sigtimedwait, &drained, 0, now, sizeof drained) > 0)
        ;
    (void)PH_CALL(SYS_rt_sigprocmask, SIG_SETMASK, &held->before, 0, sizeof held->before);
}

#define PH_ACTION 16 /* how many longs have room for the kernel's struct sigaction */

/* Restores the default action of a signal. before -- receives the previous action, or is NULL */
static inline void ph_reset_signal(int number, long before[PH_ACTION])
{
    static const long by_default[PH_ACTION]; /* SIG_DFL is 0 */

    (void)PH_CALL(SYS_rt_sigaction, number, by_default, before, sizeof(uint64_t));
}

/* write(2) that raises no signal, neither for RLIMIT_FSIZE nor for a pipe without a reader. */
static inline long ph_write_output(int fd, const char *text, size_t length)
{
    struct ph_held held;
    long written;

    ph_hold(&held, PH_SIGNAL(SIGXFSZ) | PH_SIGNAL(SIGPIPE));
    written = PH_CALL(SYS_write, fd, text, length);
    ph_release(&held);
    return written;
}

#endif
