/* Appends one line to FILE: what of root's this process can reach.
 *
 *     reach VARIABLE KEY FILE
 *
 * "environment": the variable. "terminal": a terminal, open or as the controlling one. "files": a
 * descriptor above 2. "keyring": the key in the session keyring. "ancestor": the memory or the
 * standard output of a process of the same user that started it. The last word is always "end". */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KEYCTL_SEARCH 10
#define SESSION_KEYRING (-3)

static int has_terminal(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (isatty(fd))
            return 1;
    return open("/dev/tty", O_RDWR | O_CLOEXEC) >= 0;
}

static int has_files(void)
{
    for (int fd = 3; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0 && !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
            return 1;
    return 0;
}

static int can_take_from(int pid)
{
    char path[64];
    const int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

    if (pidfd >= 0 && syscall(SYS_pidfd_getfd, pidfd, 1, 0) >= 0)
        return 1;
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    return open(path, O_RDONLY | O_CLOEXEC) >= 0;
}

static int parent_of(int pid)
{
    char path[64], text[512];
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");

    if (file && fgets(text, sizeof text, file) && strrchr(text, ')'))
        sscanf(strrchr(text, ')'), ") %*c %d", &parent);
    if (file)
        fclose(file);
    return parent;
}

static int has_ancestor(void)
{
    for (int pid = getppid(); pid > 1; pid = parent_of(pid)) {
        char path[64];
        struct stat owner;
        snprintf(path, sizeof path, "/proc/%d", pid);
        if (stat(path, &owner) || owner.st_uid != getuid())
            return 0;
        if (can_take_from(pid))
            return 1;
    }
    return 0;
}

int main(int count, char **words)
{
    char line[128] = "";

    if (count != 4)
        return 2;
    if (getenv(words[1]))
        strcat(line, "environment ");
    if (has_terminal())
        strcat(line, "terminal ");
    if (has_files())
        strcat(line, "files ");
    if (syscall(SYS_keyctl, KEYCTL_SEARCH, SESSION_KEYRING, "user", words[2], 0) >= 0)
        strcat(line, "keyring ");
    if (has_ancestor())
        strcat(line, "ancestor ");
    strcat(line, "end\n");
    const int fd = open(words[3], O_WRONLY | O_APPEND | O_CREAT, 0644);
    if (fd < 0 || write(fd, line, strlen(line)) < 0)
        return 1;
    pause();
    return 0;
}
