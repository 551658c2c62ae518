/* Holds a secret, and does what it is told on standard input, one answer a line:
 * hold TEXT      -> the address of a copy of TEXT
 * expose         -> what prctl(PR_SET_DUMPABLE, 1) returns
 * read PID PLACE -> whether 16 bytes of another process's memory could be read
 * limit PID      -> whether its core limit could be set
 * signal PID     -> whether a signal could be sent to it (0, which does nothing) */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static char secret[256];

static const char *can(int is_allowed)
{
    return is_allowed ? "yes" : "no";
}

static int read_memory(const char *arguments)
{
    char path[64], bytes[16], *rest;
    const long pid = strtol(arguments, &rest, 10);
    const unsigned long place = strtoul(rest, NULL, 10);
    int fd;

    snprintf(path, sizeof path, "/proc/%ld/mem", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && pread(fd, bytes, sizeof bytes, (off_t)place) == (ssize_t)sizeof bytes;
}

static int set_limit(pid_t pid)
{
    struct rlimit limit;

    return !prlimit(pid, RLIMIT_CORE, NULL, &limit) && !prlimit(pid, RLIMIT_CORE, &limit, NULL);
}

int main(void)
{
    char line[512];

    printf("ready %d\n", (int)getpid());
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (!strncmp(line, "hold ", 5)) {
            snprintf(secret, sizeof secret, "%.255s", line + 5);
            memset(line, 0, sizeof line);
            printf("%lu\n", (unsigned long)secret);
        } else if (!strcmp(line, "expose")) {
            printf("%d\n", prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
        } else if (!strncmp(line, "read ", 5)) {
            printf("%s\n", can(read_memory(line + 5)));
        } else if (!strncmp(line, "limit ", 6)) {
            printf("%s\n", can(set_limit((pid_t)atol(line + 6))));
        } else if (!strncmp(line, "signal ", 7)) {
            printf("%s\n", can(!kill((pid_t)atol(line + 7), 0)));
        } else {
            return 1;
        }
        fflush(stdout);
    }
    return 0;
}
