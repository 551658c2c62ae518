/* The command `harden`. It is static and has no libc, so it starts fast and no library can be
 * injected into it. */
#define _GNU_SOURCE
#include "../core/hardening.h"
#include "../core/text.h"
#include "confinement.h"
#include "launch.h"
#include "options.h"
#include "program.h"
#include "stub/entry.h"

#include <link.h>
#include <sys/resource.h>

#define STACK_ROOM (64 * 1024) /* more than twice what the launcher and its stand-in need */

static const char usage[] =
    "usage: harden [--method auto|execute-only|copy|preload] [--children [--except NAME]...]\n"
    "              [--keep NAME]... [--clear NAME]... [--strict] [--seal] [--confine]\n"
    "              [--bypass NAME] [--no-bypass] [--explain] [--] PROGRAM [ARG...]\n"
    "\n"
    "Start a program hardened: from its first instruction on, other processes of the same user\n"
    "cannot read its memory. The program itself is unchanged, and stays hardened across exec.\n"
    "\n"
    "  --method auto          use the first method below that works here, except copy (default)\n"
    "  --method execute-only  map the program from an unreadable stand-in: no launch window\n"
    "  --method copy          run an unreadable copy: changes to the file have no effect\n"
    "  --method preload       load a library that hardens it before main(): has a launch window\n"
    "  --children             also harden dynamically linked descendants, before their main()\n"
    "  --except NAME          with --children: skip programs with this name (or pattern)\n"
    "  --keep NAME            keep this variable (or PREFIX*) in the environment\n"
    "  --clear NAME           also remove this variable (or PREFIX*)\n"
    "  --strict               set no_new_privs, remove more variables, and copy a program that\n"
    "                         the user can modify\n"
    "  --seal                 prevent the program from making itself inspectable again\n"
    "  --confine              also prevent it from reading other processes: see confine --help\n"
    "  --bypass NAME          for development: NAME=1 starts it unprotected, with a warning\n"
    "                         (default: CODEX_SKIP_HARDENING)\n"
    "  --no-bypass            refuse to start (status 8) if the bypass variable is 1\n"
    "  --explain              test the methods and print what would be done; start nothing\n"
    "                         (as JSON: process-hardening run --explain --json)\n"
    "  --version              print the version and exit\n"
    "\n"
    "Exit status: the program's own; 126 if it cannot be started protected, 127 if it is not\n"
    "found, 2 for a usage error; 5, 6, 7 or 8 if a hardening step failed.\n";

static const char version_line[] = "harden " PH_VERSION "\n";

/* Definitions that the core and the launcher otherwise get from libc. */
char **environ;
static const ElfW(auxv_t) *vector;
static struct ph_span start_strings;
unsigned long getauxval(unsigned long type);
unsigned long getauxval(unsigned long type)
{
    for (const ElfW(auxv_t) *at = vector; at->a_type != AT_NULL; at++)
        if (at->a_type == type)
            return at->a_un.a_val;
    return 0;
}

/* Beyond the stack limit, the kernel answers EFAULT for buffers, or kills this process. In addition
 * to the buffers, the launcher needs room for copies of the arrays that it was started with. */
static int has_room_on_stack(const uintptr_t *stack)
{
    const uint64_t used = (uintptr_t)start_strings.end - (uintptr_t)stack;
    uint64_t limit[2] = {UINT64_MAX, 0};

    (void)ph_syscall(SYS_prlimit64, 0, RLIMIT_STACK, 0, (long)limit, 0);
    return limit[0] >= 2 * used + STACK_ROOM;
}

static int confine(int strict)
{
    return ph_confine_launcher(PH_CONFINE_SIGNALS, strict, &start_strings, NULL);
}

uintptr_t ph_start(uintptr_t *stack)
{
    static const struct ph_launcher launcher = {"harden --help", PH_BYPASS_VARIABLE, NULL, 0,
                                               confine, 0};
    const int argc = (int)*stack;
    char **argv = (char **)(stack + 1);
    char **end = argv + argc + 1;
    const char *answer;

    environ = end;
    while (*end)
        end++;
    vector = (const ElfW(auxv_t) *)(void *)(end + 1);
    if (argc < 1)
        ph_exit(ph_complain(PH_EXIT_USAGE, "harden", "started without argv[0]"));
    start_strings = ph_find_strings(argv);
    answer = ph_find_answer(argv + 1, usage, version_line);
    if (answer)
        ph_exit(ph_print(answer, ph_length(answer)));
    if (!has_room_on_stack(stack))
        ph_exit(ph_complain(PH_EXIT_CANNOT, "RLIMIT_STACK",
                            "too small to start a program hardened: raise it, for example with"
                            " `ulimit -s 8192`"));
    ph_exit(ph_launch(&launcher, argv + 1));
}
