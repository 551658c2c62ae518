/* Hardens itself, catches SIGQUIT as a JVM does, loads a library, and has many mappings below it:
 * catches [LIBRARY [COUNT]]. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static void ignore(int number)
{
    (void)number;
}

int main(int argc, char **argv)
{
    signal(SIGQUIT, ignore);
    if ((argc > 1 && !dlopen(argv[1], RTLD_NOW)) ||
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        return 1;
    for (int count = argc > 2 ? atoi(argv[2]) : 0; count > 0; count--)
        if (mmap(NULL, 4096, count % 2 ? PROT_READ : PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
            return 1;
    puts("ready");
    fflush(stdout);
    for (;;)
        pause();
}
