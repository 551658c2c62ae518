/* Two processes of one user that share something of the kernel's.
 *
 * Usage: shares hold WAY NAME, which prints "ready", then what reaches it, or ends with its standard
 * input; shares use WAY NAME, which does what another process of the user may do. The secret of
 * "memory" and "keyring" is $SECRET. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/keyctl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SIZE 64
#define USER_KEYRING KEY_SPEC_USER_KEYRING

static const char *name;

static int fail(const char *call)
{
    perror(call);
    return 1;
}

static int ready(void)
{
    puts("ready");
    return fflush(stdout);
}

/* Waits for the signal that it asked for itself, and prints its number. */
static int wait_for(int number)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, number);
    ready();
    sigwait(&set, &number);
    printf("signal %d\n", number);
    return fflush(stdout);
}

static void block(int number)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static int hold_queue(void)
{
    const struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    const mqd_t queue = mq_open(name, O_CREAT | O_RDONLY, 0600, NULL);

    block(SIGUSR1);
    if (queue < 0 || mq_notify(queue, &event))
        return fail("mq_notify");
    wait_for(SIGUSR1);
    return mq_unlink(name);
}

static int use_queue(void)
{
    const mqd_t queue = mq_open(name, O_WRONLY);

    return queue < 0 || mq_send(queue, "x", 1, 0) ? fail("mq_send") : 0;
}

static int hold_lease(void)
{
    const int file = open(name, O_RDONLY);

    block(SIGIO);
    if (file < 0 || fcntl(file, F_SETLEASE, F_RDLCK))
        return fail("F_SETLEASE");
    return wait_for(SIGIO);
}

static int use_lease(void)
{
    (void)!open(name, O_WRONLY | O_NONBLOCK);
    return 0;
}

static int hold_memory(void)
{
    const int segment = shmget(atoi(name), SIZE, IPC_CREAT | 0600);
    char *memory = segment < 0 ? (void *)-1 : shmat(segment, NULL, 0);

    if (memory == (void *)-1)
        return fail("shmat");
    strncpy(memory, getenv("SECRET"), SIZE - 1);
    ready();
    getchar();
    return shmctl(segment, IPC_RMID, NULL);
}

static int use_memory(void)
{
    const int segment = shmget(atoi(name), SIZE, 0);
    char *memory = segment < 0 ? (void *)-1 : shmat(segment, NULL, SHM_RDONLY);

    return memory == (void *)-1 ? fail("shmat") : puts(memory) < 0;
}

static int hold_keyring(void)
{
    const char *secret = getenv("SECRET");
    const long key =
        syscall(SYS_add_key, "user", name, secret, strlen(secret), USER_KEYRING);

    if (key < 0)
        return fail("add_key");
    ready();
    getchar();
    return (int)syscall(SYS_keyctl, KEYCTL_UNLINK, key, USER_KEYRING);
}

static int use_keyring(void)
{
    char secret[SIZE] = "";
    long key;

    syscall(SYS_keyctl, KEYCTL_LINK, USER_KEYRING, KEY_SPEC_PROCESS_KEYRING);
    key = syscall(SYS_keyctl, KEYCTL_SEARCH, USER_KEYRING, "user", name, 0);
    if (key < 0)
        return fail("search");
    return syscall(SYS_keyctl, KEYCTL_READ, key, secret, SIZE - 1) < 0 ? fail("read")
                                                                       : puts(secret) < 0;
}

static int hold_nothing(void)
{
    ready();
    return getchar() == EOF;
}

/* Waits a moment for a lock whose owner is a thread of the other process, which then has the
 * caller's priority. NAME is its id. */
static int use_priority(void)
{
    uint32_t word = (uint32_t)atoi(name);
    struct timespec end;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec++;
    syscall(SYS_futex, &word, FUTEX_LOCK_PI, 0, &end, NULL, 0);
    return fail("lock");
}

/* Wants a timer's signal to go to a thread of the other process, or without NAME to itself. */
static int use_timer(void)
{
    struct {
        long value;
        int number, notify, thread;
        char rest[SIZE];
    } event = {0, SIGSEGV, SIGEV_THREAD_ID, *name ? atoi(name) : getpid(), ""};
    int timer;

    if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer))
        return fail("timer_create");
    return puts("made") < 0;
}

static const struct {
    const char *name;
    int (*hold)(void), (*use)(void);
} ways[] = {
    {"queue", hold_queue, use_queue},       {"lease", hold_lease, use_lease},
    {"memory", hold_memory, use_memory},    {"keyring", hold_keyring, use_keyring},
    {"priority", hold_nothing, use_priority}, {"timer", hold_nothing, use_timer},
};

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    name = argv[3];
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (!strcmp(argv[2], ways[i].name))
            return !strcmp(argv[1], "hold") ? ways[i].hold() : ways[i].use();
    return 2;
}
