/* A program to be started: does as its first argument says, and tells what it was given.
 *
 * Usage: subject status N | kill | wait | copy | tell [ANYTHING...]
 * wait: says "ready", answers each line of its input with the same line, ends with the input;
 * SIGTERM makes it say "term" and end with status 3. tell: lines of a name and a value; what
 * may hold any byte is in hex. subject.py, subject.js and subject.sh do the same, except tell. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define DESCRIPTORS 64

extern char **environ;

static void on_term(int number)
{
    (void)number;
    _exit(write(1, "term\n", 5) == 5 ? 3 : 4);
}

static int copy(void)
{
    char buffer[4096];
    ssize_t length;

    while ((length = read(0, buffer, sizeof buffer)) > 0)
        if (write(1, buffer, (size_t)length) != length)
            return 1;
    return length < 0;
}

static void print_hex(const char *name, const char *text)
{
    printf("%s ", name);
    for (; *text; text++)
        printf("%02x", (unsigned char)*text);
    printf("\n");
}

static int tell(char **argv)
{
    struct rlimit core = {1, 1};
    struct sigaction pipe_action;
    char cwd[4096];

    if (getrlimit(RLIMIT_CORE, &core) || sigaction(SIGPIPE, NULL, &pipe_action) ||
        !getcwd(cwd, sizeof cwd))
        return 1;
    printf("pid %d\n", (int)getpid());
    printf("dumpable %d\n", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    printf("no_new_privs %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    printf("core %llu %llu\n", (unsigned long long)core.rlim_cur,
           (unsigned long long)core.rlim_max);
    printf("sigpipe %s\n", pipe_action.sa_handler == SIG_IGN ? "ignored" : "default");
    print_hex("cwd", cwd);
    for (; *argv; argv++)
        print_hex("argument", *argv);
    for (char **entry = environ; *entry; entry++)
        print_hex("variable", *entry);
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf("descriptor %d\n", fd);
    return 0;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "tell";

    if (!strcmp(mode, "status"))
        return atoi(argv[2]);
    if (!strcmp(mode, "kill"))
        return kill(getpid(), SIGKILL);
    if (!strcmp(mode, "copy"))
        return copy();
    if (!strcmp(mode, "wait")) {
        signal(SIGTERM, on_term);
        return write(1, "ready\n", 6) == 6 ? copy() : 1;
    }
    return tell(argv);
}
