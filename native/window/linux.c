/* Linux and Android. */
#define _GNU_SOURCE
#include "window.h"
#include "../core/platform/linux_syscall.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <time.h>

#ifndef PR_SET_PTRACER 
#define PR_SET_PTRACER 0x59616d61 /* Yama */
#endif

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t shut_early;
static pthread_condattr_t monotonic;
static struct timespec end; /* CLOCK_MONOTONIC */
static int prepared, is_open;
static uintptr_t number; /* number of the last window; each window has its own thread */

static int conceal(struct ph_failure *failure)
{
    const struct ph_policy inspection = {.steps = PH_BIT(PH_INSPECTION)};
    struct ph_report report;

    /* Fails with EINVAL without Yama, which is harmless: the step below keeps debuggers out. */
    (void)ph_syscall(SYS_prctl, PR_SET_PTRACER, 0, 0, 0, 0);
    if (!ph_harden(&inspection, NULL, &report))
        return 0;
    *failure = report.failure;
    return -1;
}

static void conceal_or_end(void)
{
    char description[PH_MESSAGE_SIZE], line[PH_MESSAGE_SIZE];
    struct ph_failure failure;

    if (!conceal(&failure))
        return;
    ph_describe(&failure, description, sizeof description);
    ph_last_words(description, (int)failure.exit_code, NULL, line, sizeof line);
    ph_warn(line);
    ph_exit((int)failure.exit_code);
}

static int is_over(void)
{
    struct timespec now = end;

    /* Cannot fail for this clock. */
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec >= end.tv_nsec);
}

/* Locks and conditions fail only for invalid arguments, so their results are ignored. */
static void *shut_in_time(void *own)
{
    int was_open;

    (void)pthread_mutex_lock(&lock);
    while (is_open && number == (uintptr_t)own && !is_over())
        (void)pthread_cond_timedwait(&shut_early, &lock, &end);
    was_open = is_open && number == (uintptr_t)own;
    if (was_open) {
        conceal_or_end();
        is_open = 0;
    }
    (void)pthread_mutex_unlock(&lock);
    /* This comes after unlocking, since standard error may be a pipe that blocks. */
    if (was_open)
        ph_warn("process-hardening: the debug window has expired and is closed");
    return NULL;
}

/* A forked child inherits the window, and the lock in an unknown state, but not the thread. */
static void shut_in_child(void)
{
    if (is_open)
        conceal_or_end();
    is_open = 0;
    lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    (void)pthread_cond_init(&shut_early, &monotonic); /* it succeeded before */
}

static int prepare(void)
{
    int error;

    if (prepared)
        return 0;
    error = pthread_condattr_init(&monotonic);
    if (!error)
        error = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    if (!error)
        error = pthread_cond_init(&shut_early, &monotonic);
    if (!error)
        error = pthread_atfork(NULL, NULL, shut_in_child);
    prepared = !error;
    return error;
}

static int fail(struct ph_failure *failure, const char *call, int error)
{
    *failure = (struct ph_failure){.step = PH_INSPECTION, .reason = PH_CALL_FAILED, .call = call,
                                   .exit_code = PH_EXIT_INSPECTION, .error = error};
    return -1;
}

/* Starts the thread of a window, with all signals blocked: they belong to the program's threads. */
static int start_thread(void)
{
    sigset_t all, before;
    pthread_t thread;
    int error;

    /* These fail only for invalid arguments. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, NULL, shut_in_time, (void *)++number);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!error)
        (void)pthread_detach(thread); /* cannot fail for a new thread */
    return error;
}

int ph_window_open(double seconds, struct ph_failure *failure)
{
    time_t whole = (time_t)seconds;
    struct ph_failure ignored;
    int error = prepare();

    if (error)
        return fail(failure, "pthread_cond_init", error);
    (void)pthread_mutex_lock(&lock);
    if (is_open) {
        (void)pthread_mutex_unlock(&lock);
        return fail(failure, "opening a second debug window", EBUSY);
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &end); /* cannot fail */
    end.tv_sec += whole;
    end.tv_nsec += (long)((seconds - (double)whole) * 1e9);
    if (end.tv_nsec >= 1000000000) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000;
    }
    /* Start the thread first, so that every open window closes; then set the flag for children. */
    error = start_thread();
    if (error) {
        (void)pthread_mutex_unlock(&lock);
        return fail(failure, "pthread_create", error);
    }
    is_open = 1;
    error = ph_expose(failure);
    if (error) {
        /* The step is probably still in force; report why it could not be undone. */
        (void)conceal(&ignored);
        is_open = 0;
    }
    (void)pthread_mutex_unlock(&lock);
    return error ? -1 : 0;
}

int ph_window_is_open(void)
{
    int result;

    (void)pthread_mutex_lock(&lock);
    result = is_open;
    (void)pthread_mutex_unlock(&lock);
    return result;
}

int ph_window_shut(struct ph_failure *failure)
{
    int result;

    (void)pthread_mutex_lock(&lock);
    result = is_open ? conceal(failure) : 0;
    /* If this fails, the thread tries again later and exits the process. */
    if (!result)
        is_open = 0;
    if (prepared)
        (void)pthread_cond_broadcast(&shut_early);
    (void)pthread_mutex_unlock(&lock);
    return result;
}
