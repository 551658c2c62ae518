/* Hardens itself and has many threads, one of which starts another one and ends, for ever. With a
 * third argument, a child traces it, and so all that follow it: hopping THREADS MICROSECONDS [trace]. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_attr_t attributes;
static useconds_t pause_of_each;
static int ready[2], begin[2];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void start(void *(*routine)(void *), void *argument)
{
    pthread_t thread;

    if (pthread_create(&thread, &attributes, routine, argument))
        fail("pthread_create");
}

static void *wait_for_ever(void *unused)
{
    for (;;)
        pause();
    return unused;
}

static void *hop(void *is_first)
{
    const pid_t own = gettid();
    char byte;

    if (is_first && (write(ready[1], &own, sizeof own) < 0 || read(begin[0], &byte, 1) < 0))
        fail("pipe");
    usleep(pause_of_each);
    start(hop, NULL);
    return NULL;
}

static void trace(pid_t thread, int told)
{
    int status;
    pid_t who;

    if (ptrace(PTRACE_SEIZE, thread, NULL, PTRACE_O_TRACECLONE) || write(told, "", 1) < 0)
        fail("PTRACE_SEIZE");
    while ((who = waitpid(-1, &status, __WALL)) > 0)
        if (WIFSTOPPED(status))
            ptrace(PTRACE_CONT, who, NULL, NULL);
    _exit(0);
}

int main(int argc, char **argv)
{
    int told[2];
    char byte;
    pid_t thread, tracer = 0;

    if (argc < 3)
        return 1;
    pause_of_each = (useconds_t)atoi(argv[2]);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 1 << 16);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (pipe(ready) || pipe(begin) || pipe(told))
        fail("pipe");
    for (int n = atoi(argv[1]); n > 0; n--)
        start(wait_for_ever, NULL);
    start(hop, &tracer);
    if (read(ready[0], &thread, sizeof thread) < 0)
        fail("pipe");
    if (argc > 3) {
        tracer = fork();
        if (!tracer)
            trace(thread, told[1]);
        if (read(told[0], &byte, 1) < 0)
            fail("pipe");
    }
    if (setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
        write(begin[1], "", 1) < 0)
        fail("hardening");
    printf("%d %d\n", getpid(), tracer);
    fflush(stdout);
    wait_for_ever(NULL);
}
