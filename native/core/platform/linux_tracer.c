/* A tracer outside our pid namespace, whose TracerPid reads as 0 here. */
#define _GNU_SOURCE
#include "linux_fork.h"
#include "linux_proc.h"
#include "linux_statx.h"

#include "../hardening.h"
#include "../text.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#define INITIAL_NAMESPACE 0xEFFFFFFCu /* PROC_PID_INIT_INO: there, TracerPid shows every tracer */
#define MOST_PAUSES 100000            /* of 0.1 ms each: a tracer may stop the child forever */
#define MOST_PAUSES_AFTER_KILL 1000   /* its tracer has to wait for it first: ptrace(2) */

/* The state of a child (proc_pid_status(5)): 't' if a tracer has stopped it, 'Z' if it has exited
 * and was not waited for; 0: unknown, for example because /proc shows another pid namespace. */
static char read_state(long pid)
{
    char path[32], text[1024];
    struct ph_text name = PH_TEXT(path);
    const char *state, *parent;
    uint64_t number = 0;

    ph_add(&name, "/proc/");
    ph_add_number(&name, (unsigned long)pid);
    ph_add(&name, "/status");
    if (ph_read_file(path, text, sizeof text) <= 0)
        return 0;
    state = ph_find_after(text, "\nState:\t");
    parent = ph_find_after(text, "\nPPid:");
    if (!state || !parent || !ph_parse_number(parent, &number) ||
        number != (uint64_t)PH_CALL(SYS_getpid))
        return 0;
    return *state;
}

/* Runs in the child. Returns whether the child seems to have a tracer: PTRACE_TRACEME then fails. A
 * tracer that has already detached must have stopped the child first, and hardly anything else
 * makes the child sleep. Source: getrusage(2), kernel/ptrace.c ptrace_traceme(). */
static int look_for_tracer(void)
{
    struct {
        long times[4], other[12], sleeps, switches;
    } usage = {.sleeps = 0};

    (void)PH_CALL(SYS_getrusage, 0, &usage); /* RUSAGE_SELF */
    return usage.sleeps || PH_CALL(SYS_ptrace, PTRACE_TRACEME);
}

static void pause_briefly(void)
{
    static const long duration[2] = {0, 100000};

    (void)PH_CALL(SYS_nanosleep, duration, NULL);
}

/* Kills a child and waits until it is gone, unless its tracer keeps it. */
static void end_child(long pid)
{
    (void)PH_CALL(SYS_kill, pid, SIGKILL);
    for (int left = MOST_PAUSES_AFTER_KILL; left; left--) {
        if (PH_CALL(SYS_wait4, pid, NULL, __WALL | WNOHANG))
            return;
        pause_briefly();
    }
}

/* Whether a child that clone(2) starts with these flags seems to have a tracer, which stops it
 * before its first instruction; nobody else can then wait for it. Returns 0 or 1, or a negative
 * errno value if there is no answer. */
static long is_traced(unsigned long flags)
{
    const long pid = ph_fork(flags, NULL);
    long ended = 0;
    int status = 0;
    char state = 0;

    if (!pid)
        ph_exit(look_for_tracer());
    if (pid < 0)
        return pid;
    for (int left = MOST_PAUSES; left; left--) {
        state = read_state(pid);
        ended = PH_CALL(SYS_wait4, pid, &status, __WALL | WNOHANG);
        if (ended || state == 't' || state == 'Z')
            break;
        pause_briefly();
    }
    if (ended == pid)
        return !WIFEXITED(status) || WEXITSTATUS(status);
    end_child(pid);
    return ended < 0 ? ended : 1;
}

/* CLONE_PTRACE attaches the tracer of the calling thread, if it has one, to the child too. The
 * other child is the control: if Yama or a seccomp filter refuses PTRACE_TRACEME, it fails there as
 * well, and nothing is known. Lack of memory can also make a child sleep, so three rounds must
 * agree. Source: clone(2). */
int ph_has_outside_tracer(void)
{
    struct ph_statx own = {0};

    (void)ph_stat(AT_FDCWD, "/proc/self/ns/pid", 0, &own); /* unfilled, it is not the initial one */
    if (own.inode == INITIAL_NAMESPACE)
        return 0;
    for (int left = 3; left; left--)
        if (is_traced(CLONE_PTRACE) <= 0 || is_traced(CLONE_UNTRACED))
            return 0;
    return 1;
}
