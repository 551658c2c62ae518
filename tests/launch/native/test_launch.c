/* Starts itself through `harden`, as root and as somebody else, and looks at what it became: under
 * its own name, in a memfd where the kernel refuses a place with a name, not at all where it
 * refuses both.
 *
 * Usage: test_launch HARDEN PROGRAM..., where each PROGRAM is this one, linked in another way. */
#define _GNU_SOURCE
#include "../../../native/core/platform/linux_filter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNREACHABLE 77
#define CANNOT_PROTECT 126
#define FSOPEN 430 /* on every architecture */

/* The second is greater than what the old calls of 32-bit architectures return. */
static const unsigned somebody[] = {1000, 70000};

static int checks, failed;

static void check(int holds, const char *what, const char *program)
{
    checks++;
    if (holds)
        return;
    failed++;
    printf("failed: %s: %s\n", program, what);
}

static char zeroes[100000];
static _Thread_local int local = 7;

/* In the program that was started. Returns 0 if it is hardened and otherwise unchanged, except
 * that it sees its name in memory if it was started from there. */
static int look(const char *path, int in_memory)
{
    char exe[4096] = "", comm[17] = "", memory[4200];
    struct stat status;

    if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) || stat("/proc/self/status", &status) || status.st_uid)
        return 10;
    snprintf(memory, sizeof memory, "/memfd:%s (deleted)", strrchr(path, '/') + 1);
    if (readlink("/proc/self/exe", exe, sizeof exe - 1) < 0 ||
        strcmp(exe, in_memory ? memory : path))
        return 11;
    if (prctl(PR_GET_NAME, comm, 0, 0, 0) || strncmp(comm, strrchr(path, '/') + 1, 15))
        return 12;
    for (size_t i = 0; i < sizeof zeroes; i++)
        if (zeroes[i])
            return 13;
    if (local != 7)
        return 14;
    /* The copy is the kernel's own exec, with the name that it gives. */
    return getauxval(AT_EXECFN) ? 0 : 15;
}

/* Makes the kernel refuse two system calls from now on. Returns 0 on success. */
static int refuse(unsigned first, unsigned second)
{
    enum { NUMBER, IS_FIRST, IS_SECOND, ALLOWED, REFUSED, CODE };
    const struct ph_bpf code[CODE] = {
        LOAD(NUMBER, DATA_NR),
        IF_EQUAL(IS_FIRST, first, REFUSED, IS_SECOND),
        IF_EQUAL(IS_SECOND, second, REFUSED, ALLOWED),
        RETURN(ALLOWED, SECCOMP_RET_ALLOW),
        RETURN(REFUSED, SECCOMP_RET_ERRNO | EPERM),
    };
    const struct ph_bpf_program filter = {CODE, code};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter);
}

/* Runs a command line as a user, with two system calls refused if there are any, and returns its
 * status. */
static int run(unsigned user, unsigned first, unsigned second, char *const argv[])
{
    int status = -1;
    pid_t pid = fork();

    if (!pid) {
        if (user && (setgid(user) || setuid(user)))
            _exit(99);
        if (access(argv[0], X_OK) || access(argv[3], X_OK))
            _exit(UNREACHABLE);
        if (first && refuse(first, second))
            _exit(97);
        execv(argv[0], argv);
        _exit(98);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
    static char execute_only[] = "--method=execute-only", copy[] = "--method=copy";
    static char *const methods[] = {execute_only, copy};
    static char option[] = "--", mode[] = "look", in_memory[] = "look-in-memory";

    if (argc == 3 && !strcmp(argv[1], mode))
        return look(argv[2], 0);
    if (argc == 3 && !strcmp(argv[1], in_memory))
        return look(argv[2], 1);
    for (int i = 2; i < argc; i++) {
        char *path = realpath(argv[i], NULL);

        if (!path)
            return 2;
        for (size_t method = 0; method < sizeof methods / sizeof *methods; method++) {
            char *const command[] = {argv[1], methods[method], option, path, mode, path, NULL};
            char *const memory[] = {argv[1], methods[method], option, path, in_memory, path, NULL};
            int status = run(0, 0, 0, command);

            check(!status, methods[method], path);
            if (status)
                printf("its status: %d\n", status);
            /* The kernel names the process of a copy after the memfd. */
            if (methods[method] == execute_only)
                check(!run(0, FSOPEN, FSOPEN, memory), "in memory", path);
            check(run(0, FSOPEN, SYS_memfd_create, command) == CANNOT_PROTECT, "refused", path);
            if (getuid())
                continue;
            for (size_t user = 0; user < sizeof somebody / sizeof *somebody; user++) {
                status = run(somebody[user], 0, 0, command);
                if (status != UNREACHABLE)
                    check(!status, "as somebody else", path);
                if (status && status != UNREACHABLE)
                    printf("its status: %d\n", status);
            }
        }
        free(path);
    }
    printf("%d checks, %d failed\n", checks, failed);
    return failed != 0;
}
