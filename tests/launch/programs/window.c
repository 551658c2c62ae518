/* Attacks the launch of a program: starts it, and from the first moment on tries again and again to
 * get a hold on it. Says what it got.
 *
 * Usage: window read|write|seize|descriptor COMM PROGRAM [ARG...]
 * COMM is the name by which the hardened program shows that it has begun; a hold that was got
 * before that is on the launcher. Says "launcher N" and "program N": whether a hold was got while
 * the process was still the launcher, or already the program. The program must not end by itself:
 * a process that is ending has no memory any more, and the kernel then lets everybody in. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRIES 300 /* on the program, once it has begun */

static int has_hold(const char *attack, pid_t pid)
{
    char path[64];
    int fd, pidfd;

    if (!strcmp(attack, "seize"))
        return !ptrace(PTRACE_SEIZE, pid, 0, 0);
    if (!strcmp(attack, "descriptor")) {
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        fd = (int)syscall(SYS_pidfd_getfd, pidfd, 0, 0);
        close(pidfd);
    } else {
        snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
        fd = open(path, !strcmp(attack, "write") ? O_RDWR : O_RDONLY);
    }
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* The name of the process, as anybody may read it. */
static void read_comm(pid_t pid, char comm[32])
{
    char path[64];
    ssize_t length;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    fd = open(path, O_RDONLY);
    length = fd < 0 ? 0 : read(fd, comm, 31);
    close(fd);
    comm[length > 0 ? length - 1 : 0] = '\0';
}

int main(int argc, char **argv)
{
    int on_launcher = 0, on_program = 0, status, ready[2];
    char own[32], comm[32];
    pid_t pid;

    if (argc < 4 || pipe2(ready, O_CLOEXEC))
        return 2;
    read_comm(getpid(), own);
    pid = fork();
    if (!pid) {
        execv(argv[3], argv + 3);
        _exit(127);
    }
    /* The pipe is closed by the exec: before that, the process is still this program. */
    close(ready[1]);
    while (read(ready[0], comm, 1) < 0 && errno == EINTR)
        ;
    for (int tries = 0; tries < TRIES;) {
        int got;

        if (waitpid(pid, &status, WNOHANG)) {
            fprintf(stderr, "the program ended by itself\n");
            return 1;
        }
        read_comm(pid, comm);
        got = has_hold(argv[1], pid);
        tries += !strcmp(comm, argv[2]);
        if (got && strcmp(comm, argv[2]))
            on_launcher = 1;
        if (got && !strcmp(comm, argv[2]))
            on_program = 1;
        if (got && !strcmp(argv[1], "seize"))
            break; /* and stay attached until the end of this process */
    }
    printf("launcher %d\nprogram %d\n", on_launcher, on_program);
    kill(pid, SIGKILL);
    return 0;
}
