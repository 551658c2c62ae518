/* Prints what the exec functions return for impossible requests. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static char *const argv[] = {"name", NULL};
static char *none[] = {NULL};
/* volatile, since the compiler warns of addresses that it knows to be bad. */
static void *volatile nowhere = (void *)16;

#define TRY(call)                                                                                  \
    do {                                                                                           \
        const int result = (call);                                                                 \
        printf("%s: %d %d\n", #call, result, errno);                                               \
    } while (0)

static void write_file(const char *path, const char *text, int mode)
{
    FILE *file = fopen(path, "w");

    if (!file || fputs(text, file) < 0 || fclose(file) || chmod(path, (mode_t)mode))
        exit(1);
}

int main(void)
{
    static char long_name[300], huge[1 << 18];
    char **many = calloc(100000, sizeof *many);
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char **edge = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *bad[] = {"A=1", nowhere, NULL};

    memset(long_name, 'x', sizeof long_name - 1);
    memset(huge, 'x', sizeof huge - 1);
    for (int i = 0; many && i < 99999; i++)
        many[i] = "a variable of some length, which makes this environment longer than may be";
    /* An array that ends at a page that is not there, without a null pointer. */
    munmap((char *)edge + page, page);
    for (size_t i = 0; i < page / sizeof *edge; i++)
        edge[i] = "A=1";
    setvbuf(stdout, NULL, _IONBF, 0);
    write_file("text", "no program", 0755);
    write_file("not-executable", "#!/bin/sh\n", 0644);
    write_file("no-interpreter", "#!/nonexistent\n", 0755);
    write_file("loop", "#!./loop\n", 0755);
    write_file("empty", "", 0755);
    TRY(execve("/nonexistent", argv, environ));
    TRY(execve("", argv, environ));
    TRY(execve("/", argv, environ));
    TRY(execve("text/x", argv, environ));
    TRY(execve("text", argv, environ));
    TRY(execve("empty", argv, environ));
    TRY(execve("not-executable", argv, environ));
    TRY(execve("no-interpreter", argv, environ));
    TRY(execve("loop", argv, environ));
    TRY(execve(long_name, argv, environ));
    TRY(execve(nowhere, argv, environ));
    TRY(execve("/bin/true", nowhere, environ));
    TRY(execve("/bin/true", argv, nowhere));
    TRY(execve("/bin/true", argv, bad));
    TRY(execve("/bin/true", argv, edge));
    TRY(execve("/bin/true", argv, many));
    TRY(execl("/bin/true", "name", huge, NULL));
    TRY(execv("/nonexistent", argv));
    TRY(execvp("", argv));
    TRY(execvp("nonexistent", argv));
    TRY(execvp(long_name, argv));
    TRY(execvp("./not-executable", argv));
    TRY(execvpe("nonexistent", argv, none));
    TRY(execlp("nonexistent", "name", NULL));
    TRY(execle("/nonexistent", "name", NULL, none));
    TRY(fexecve(-1, argv, environ));
    TRY(fexecve(99, argv, environ));
    setenv("PATH", "/nonexistent:.:text", 1);
    TRY(execvp("not-executable", argv));
    TRY(execvp("nonexistent", argv));
    /* A file without "#!": glibc gives it to the shell. */
    write_file("commands", "echo \"$0 $# $1\"\n", 0755);
    TRY(execlp("commands", "name", "word", NULL));
    return 0;
}
