/* Hardens itself, catches SIGQUIT as a JVM does, and loads a library: catches [LIBRARY]. */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
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
    puts("ready");
    fflush(stdout);
    for (;;)
        pause();
}
