/* Executes a program by one of libc's functions: execute FUNCTION PROGRAM [ARG]. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

extern char **environ;
int execveat(int folder, const char *path, char *const *argv, char *const *envp, int flags)
    __attribute__((weak)); /* not musl's */

int main(int argc, char **argv)
{
    const char *how = argc > 2 ? argv[1] : "";
    const char *program = argv[2], *word = argc > 3 ? argv[3] : NULL;

    if (!strcmp(how, "execl"))
        execl(program, program, word, NULL);
    if (!strcmp(how, "execlp"))
        execlp(program, program, word, NULL);
    if (!strcmp(how, "execle"))
        execle(program, program, word, NULL, environ);
    if (!strcmp(how, "execv"))
        execv(program, argv + 2);
    if (!strcmp(how, "execvp"))
        execvp(program, argv + 2);
    if (!strcmp(how, "execve"))
        execve(program, argv + 2, environ);
    if (!strcmp(how, "execvpe"))
        execvpe(program, argv + 2, environ);
    if (!strcmp(how, "fexecve"))
        fexecve(open(program, O_RDONLY | O_CLOEXEC), argv + 2, environ);
    if (!strcmp(how, "execveat"))
        execveat(AT_FDCWD, program, argv + 2, environ, 0);
    if (!strcmp(how, "execveat descriptor"))
        execveat(open(program, O_PATH | O_CLOEXEC), "", argv + 2, environ, AT_EMPTY_PATH);
    if (!strcmp(how, "execveat path"))
        execveat(AT_FDCWD, program, argv + 2, environ, AT_EMPTY_PATH);
    return 9;
}
