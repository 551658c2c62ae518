#include "fake.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

struct fake_world fake_world;
struct fake_stack fake_stack;
char fake_log[4096];
char **fake_environ;

static int fault_calls;

/* Pointers and strings of the faked stack; a union, for the alignment. */
static union {
    char *pointers[512];
    char bytes[512 * sizeof(char *)];
} memory;

/* FreeBSD's list of variables, apart from environ: libc/stdlib/getenv.c. */
static char *listed[64];
static char listed_text[2048];
static int listing;
static char *rebuilt[64];

void fake_log_add(const char *text)
{
    size_t length = strlen(fake_log);

    snprintf(fake_log + length, sizeof fake_log - length, "%s%s", length ? " " : "", text);
}

enum fake_effect fake_call(const char *text)
{
    const struct fake_fault *fault = &fake_world.fault;

    fake_log_add(text);
    if (!fault->call || strcmp(fault->call, text))
        return FAKE_WORKS;
    fault_calls++;
    if (fault->nth && fault->nth != fault_calls)
        return FAKE_WORKS;
    errno = fault->error;
    return fault->error ? FAKE_FAILS : FAKE_PRETENDS;
}

static char *push_string(char *at, const char *string)
{
    return strcpy(at, string) + strlen(string) + 1;
}

static int count(const char *const list[])
{
    int n = 0;

    while (list[n])
        n++;
    return n;
}

/* Copies the string of each pointer, and makes it point to the copy. Returns the end. */
static char *push_strings(char *at, char **pointers, const char *const list[])
{
    for (; *list; list++) {
        *pointers++ = at;
        at = push_string(at, *list);
    }
    return at;
}

void fake_start(const struct fake_world *world, const char *const argv[], const char *const envp[])
{
    static const char *const more_apple[] = {"ptr_munge=0x1", "main_stack=0x2", NULL};
    struct fake_stack *stack = &fake_stack;
    size_t room = sizeof(void *);
    char *at;

    memset(&memory, 0, sizeof memory);
    fake_world = *world;
    fake_log[0] = '\0';
    fault_calls = 0;
    listing = 0;

    stack->argc = count(argv);
    stack->envc = count(envp);
    stack->argv = memory.pointers;
    stack->envp = stack->argv + stack->argc + 1;
    stack->apple = stack->envp + stack->envc + 1;
    at = stack->strings = (char *)(stack->apple + 1 + count(more_apple) + 1);
    stack->apple[0] = at;
    at = push_string(at, "executable_path=/usr/bin/program") + 5; /* padding */
    at = push_strings(at, stack->argv, argv);
    stack->environment = at;
    at = push_strings(at, stack->envp, envp);
    stack->environment_end = at;
    at = push_strings(at, stack->apple + 1, more_apple);
    stack->strings_end = at;
    stack->top = memory.bytes + (size_t)(at - memory.bytes + (long)room) / room * room;
    fake_environ = stack->envp;
    fake_kernel_start();
}

int setrlimit(int resource, const struct rlimit *limit)
{
    char text[80];
    enum fake_effect effect;

    snprintf(text, sizeof text, "setrlimit(%s, %lu, %lu)", resource == RLIMIT_CORE ? "CORE" : "?",
             (unsigned long)limit->rlim_cur, (unsigned long)limit->rlim_max);
    effect = fake_call(text);
    if (effect == FAKE_WORKS) {
        fake_world.core_soft = limit->rlim_cur;
        fake_world.core_hard = limit->rlim_max;
    }
    return effect == FAKE_FAILS ? -1 : 0;
}

int getrlimit(int resource, struct rlimit *limit)
{
    if (fake_call(resource == RLIMIT_CORE ? "getrlimit(CORE)" : "getrlimit(?)") == FAKE_FAILS)
        return -1;
    limit->rlim_cur = fake_world.core_soft;
    limit->rlim_max = fake_world.core_hard;
    return 0;
}

int issetugid(void)
{
    return fake_world.set_user_id;
}

ssize_t writev(int fd, const struct iovec *parts, int parts_count)
{
    ssize_t length = 0;

    fake_log_add(fd == 2 ? "standard error:" : "elsewhere:");
    for (int i = 0; i < parts_count; i++) {
        strncat(fake_log, parts[i].iov_base, parts[i].iov_len);
        length += (ssize_t)parts[i].iov_len;
    }
    return length;
}

void fake_rebuild_environ(void)
{
    if (!listing)
        return;
    memcpy(rebuilt, listed, sizeof rebuilt);
    fake_environ = rebuilt;
}

static void make_list(void)
{
    char *at = listed_text;
    size_t n = 0;

    for (char **entry = fake_environ; *entry; entry++) {
        listed[n++] = at;
        at = push_string(at, *entry);
    }
    listed[n] = NULL;
    listing = 1;
}

int unsetenv(const char *name)
{
    char text[512];
    enum fake_effect effect;
    size_t length = strlen(name);
    char **to = listed;

    snprintf(text, sizeof text, "unsetenv(%s)", name);
    effect = fake_call(text);
    if (effect != FAKE_WORKS)
        return effect == FAKE_FAILS ? -1 : 0;
    if (!listing)
        make_list();
    for (char **from = listed; *from; from++)
        if (strncmp(*from, name, length) || (*from)[length] != '=')
            *to++ = *from;
    *to = NULL;
    fake_rebuild_environ();
    return 0;
}
