/* Executes a program from a signal handler on a small stack, as crash reporters do.
 *
 * Usage: signal_stack execve|execvp PROGRAM */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE 8192
#define GUARD (1 << 20)

static char **words;
static int searches;

static void become(int number)
{
    (void)number;
    if (searches)
        execvp(words[0], words);
    else
        execve(words[0], words, environ);
    _exit(9);
}

int main(int argc, char **argv)
{
    char *memory = mmap(NULL, GUARD + SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t stack = {.ss_sp = memory + GUARD, .ss_size = SIZE};
    struct sigaction action = {.sa_handler = become, .sa_flags = SA_ONSTACK};

    if (argc < 3 || memory == MAP_FAILED || mprotect(memory + GUARD, SIZE, PROT_READ | PROT_WRITE) ||
        sigaltstack(&stack, NULL) || sigaction(SIGUSR1, &action, NULL))
        return 1;
    searches = !strcmp(argv[1], "execvp");
    words = argv + 2;
    raise(SIGUSR1);
    return 8;
}
