/* Makes each call that a confined process may not make on another process, and prints a line for
 * each: its name and "done", or its name and the number of the error.
 *
 * Usage: calls PID, where PID is a process of the same user. It changes nothing in that process, but
 * gives its own parent another session keyring. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALL_PIDFD_SEND_SIGNAL 424
#define CALL_PIDFD_OPEN 434
#define CALL_PIDFD_GETFD 438
#define CALL_PROCESS_MADVISE 440
#define X32 0x40000000

static pid_t victim;
static int pidfd;

static void report(const char *name, long result)
{
    if (result < 0)
        printf("%s %d\n", name, errno);
    else
        printf("%s done\n", name);
    fflush(stdout);
}

/* Reads from a file of the process. */
static void read_file(const char *name)
{
    char path[64], byte[8];
    int fd;
    long result;

    snprintf(path, sizeof path, "/proc/%d/%s", victim, name);
    fd = open(path, O_RDONLY);
    result = fd < 0 ? fd : read(fd, byte, sizeof byte);
    report(name, result);
    if (fd >= 0)
        close(fd);
}

/* Opens a file of the process, or what it leads to. */
static void open_file(const char *name, int flags)
{
    char path[64];
    int fd;

    snprintf(path, sizeof path, "/proc/%d/%s", victim, name);
    fd = open(path, flags);
    report(name, fd);
    if (fd >= 0)
        close(fd);
}

/* Reads the link of a file of the process. */
static void read_name(const char *name)
{
    char path[64], label[64], target[8];

    snprintf(path, sizeof path, "/proc/%d/%s", victim, name);
    snprintf(label, sizeof label, "link:%s", name);
    report(label, readlink(path, target, sizeof target));
}

/* Calls on an address that the process does not have: the kernel looks at the caller's rights first. */
static void reach_memory(void)
{
    char byte = 0;
    void *page = NULL;
    int status;
    unsigned long node = 1;
    struct iovec here = {&byte, 1}, there = {(void *)8, 1};

    report("process_vm_readv", process_vm_readv(victim, &here, 1, &there, 1, 0));
    report("process_vm_writev", process_vm_writev(victim, &here, 1, &there, 1, 0));
    report("process_madvise",
           syscall(CALL_PROCESS_MADVISE, pidfd, &there, 1, 20 /* MADV_COLD */, 0));
    report("move_pages", syscall(SYS_move_pages, victim, 1UL, &page, NULL, &status, 0));
    report("migrate_pages", syscall(SYS_migrate_pages, victim, 8UL, &node, &node));
}

static long queue_nothing(void)
{
    siginfo_t information = {.si_code = SI_QUEUE};

    return syscall(SYS_rt_sigqueueinfo, victim, 0, &information);
}

static long trace(void)
{
    if (ptrace(PTRACE_SEIZE, victim, NULL, NULL))
        return -1;
    ptrace(PTRACE_INTERRUPT, victim, NULL, NULL);
    waitpid(victim, NULL, __WALL);
    return ptrace(PTRACE_DETACH, victim, NULL, NULL);
}

/* Lets the kernel send SIGXCPU when it uses more time than a deadline allows, then undoes that.
 * Source: sched_setattr(2). */
static long set_deadline(void)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {sizeof attributes, 6 /* SCHED_DEADLINE */, 4 /* SCHED_FLAG_DL_OVERRUN */, 0, 0,
                    20480, 1000000, 1000000};

    if (syscall(SYS_sched_setattr, victim, &attributes, 0))
        return -1;
    attributes.policy = SCHED_OTHER;
    attributes.flags = attributes.runtime = attributes.deadline = attributes.period = 0;
    return syscall(SYS_sched_setattr, victim, &attributes, 0);
}

static long watch(pid_t pid, int cpu, unsigned long flags)
{
    struct perf_event_attr event = {.type = PERF_TYPE_SOFTWARE,
                                    .size = sizeof event,
                                    .config = PERF_COUNT_SW_CPU_CLOCK,
                                    .exclude_kernel = 1};

    return syscall(SYS_perf_event_open, &event, pid, cpu, -1, flags);
}

#ifdef __x86_64__
/* A call by the 32-bit entry, whose arguments are below 4 GB. */
static long call_i386(long number, long a, long b, long c)
{
    long result;

    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(number), "b"(a), "c"(b), "d"(c), "S"(0L)
                     : "memory", "r8", "r9", "r10", "r11");
    if (result < 0 && result > -4096) {
        errno = (int)-result;
        return -1;
    }
    return result;
}
#endif

int main(int argc, char **argv)
{
    struct rlimit limit;
    void *head;
    size_t size;
    int terminal, pipes[2];
    char *typed;

    victim = argc == 2 ? atoi(argv[1]) : 0;
    pidfd = (int)syscall(CALL_PIDFD_OPEN, victim, 0);
    if (!victim || pidfd < 0)
        return 1;

    read_file("environ");
    read_file("maps");
    read_file("smaps");
    read_file("auxv");
    read_file("syscall");
    read_file("smaps_rollup");
    read_file("numa_maps");
    read_file("personality");
    read_file("io");
    read_file("fdinfo/0");
    open_file("mem", O_RDONLY);
    open_file("pagemap", O_RDONLY);
    open_file("exe", O_RDONLY);
    open_file("cwd", O_PATH);
    open_file("root", O_PATH);
    open_file("fd/0", O_PATH);
    open_file("ns/mnt", O_RDONLY);
    read_name("exe");
    read_name("cwd");
    read_name("root");
    read_name("fd/0");
    reach_memory();
    report("ptrace", trace());
    report("get_robust_list", syscall(SYS_get_robust_list, victim, &head, &size));
    report("kcmp", syscall(SYS_kcmp, getpid(), victim, 1 /* KCMP_VM */, 0, 0));
    report("pidfd_getfd", syscall(CALL_PIDFD_GETFD, pidfd, 0, 0));
    report("perf_event_open", watch(victim, -1, 0));

    prlimit(victim, RLIMIT_CORE, NULL, &limit);
    report("prlimit", prlimit(victim, RLIMIT_CORE, &limit, NULL));
    report("kill", kill(victim, 0));
    report("tgkill", syscall(SYS_tgkill, victim, victim, 0));
    report("pidfd_send_signal", syscall(CALL_PIDFD_SEND_SIGNAL, pidfd, 0, NULL, 0));

    report("rt_sigqueueinfo", queue_nothing());

    report("sched_setattr", set_deadline());

    syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "calls");
    report("SESSION_TO_PARENT", syscall(SYS_keyctl, KEYCTL_SESSION_TO_PARENT));

    if (pipe(pipes))
        return 1;
    report("F_SETSIG", fcntl(*pipes, F_SETSIG, SIGQUIT));
#ifdef SYS_fcntl64
    report("fcntl F_SETSIG", syscall(SYS_fcntl, *pipes, F_SETSIG, SIGQUIT));
#endif
    terminal = posix_openpt(O_RDWR | O_NOCTTY);
    typed = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS
#ifdef __x86_64__
                     | MAP_32BIT
#endif
                 , -1, 0);
    *typed = 'x';
    report("TIOCSTI", ioctl(terminal, TIOCSTI, typed));
#ifdef __x86_64__
    memcpy(typed + 64, &limit, sizeof limit);
    report("x32 TIOCSTI", syscall(X32 + 514, terminal, TIOCSTI, typed));
    report("x32 F_SETSIG", syscall(X32 + SYS_fcntl, *pipes, F_SETSIG, SIGQUIT));
    report("i386 fcntl F_SETSIG", call_i386(55, *pipes, F_SETSIG, SIGQUIT));
    report("i386 fcntl64 F_SETSIG", call_i386(221, *pipes, F_SETSIG, SIGQUIT));
    report("x32 SESSION_TO_PARENT", syscall(X32 + SYS_keyctl, KEYCTL_SESSION_TO_PARENT));
    report("i386 SESSION_TO_PARENT", call_i386(288, KEYCTL_SESSION_TO_PARENT, 0, 0));
    report("i386 TIOCSTI", call_i386(54, terminal, TIOCSTI, (long)typed));
    {
        const long new_limit = (long)(typed + 64);
        long result;

        /* The fourth argument is 0: no old limit. */
        result = call_i386(340, victim, RLIMIT_CORE, new_limit);
        report("i386 prlimit", result);
    }
#endif
    return 0;
}
