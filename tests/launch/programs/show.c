/* Says how it was started, then runs itself again by its own path if it is told to. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef ALIGNMENT
#define ALIGNMENT 64
#endif

/* Of a library that is loaded along; else it is not there. */
extern int answer(void) __attribute__((weak));

static char zeroes[1 << 20];
static _Alignas(ALIGNMENT) char aligned[ALIGNMENT] = {1};
static _Thread_local int local = 7;

static void print_link(const char *name, const char *path)
{
    char target[4096];
    ssize_t length = readlink(path, target, sizeof target - 1);

    target[length < 0 ? 0 : length] = '\0';
    printf("%s %s\n", name, target);
}

/* The same without libc, whose answer a library can replace. */
static void print_image(void)
{
    char target[4096];
    long length = syscall(SYS_readlinkat, -100, "/proc/self/exe", target, sizeof target - 1);

    target[length < 0 ? 0 : length] = '\0';
    printf("image %s\n", target);
}

static int all_zero(void)
{
    for (size_t i = 0; i < sizeof zeroes; i++)
        if (zeroes[i])
            return 0;
    return 1;
}

/* The permissions of the mapping that the stack is in. */
static void print_stack(void)
{
    char line[512];
    unsigned long low, high, here = (unsigned long)(size_t)line;
    char permissions[8];
    FILE *maps = fopen("/proc/self/maps", "r");

    while (maps && fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx-%lx %7s", &low, &high, permissions) == 3 && low <= here &&
            here < high)
            printf("stack %s\n", permissions);
    if (maps)
        fclose(maps);
}

int main(int argc, char **argv)
{
    char comm[16];
    struct stat status;

    if (argc > 2 && !strcmp(argv[1], "again")) {
        argv[2] = "once";
        execv("/proc/self/exe", argv + 1);
        return 9;
    }
    prctl(PR_GET_NAME, comm);
    printf("comm %s\n", comm);
    print_link("exe", "/proc/self/exe");
    print_image();
    if (answer)
        printf("answer %d\n", answer());
    printf("execfn %s\n", (const char *)getauxval(AT_EXECFN));
    printf("dumpable %d\n", prctl(PR_GET_DUMPABLE));
    printf("root owns %d\n", !stat("/proc/self/status", &status) && !status.st_uid);
    printf("loader %d\n", getauxval(AT_BASE) != 0);
    printf("memory %d %d %d\n", all_zero(), (int)((size_t)aligned % ALIGNMENT), local);
    print_stack();
    for (int i = 0; i < argc; i++)
        printf("argument %s\n", argv[i]);
    for (int fd = 3; fd < 64; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf("descriptor %d\n", fd);
    return argc > 1 ? atoi(argv[argc - 1]) : 0;
}
