/* The command `harden`. Static and without libc: it starts fast and no library can be injected. */
#define _GNU_SOURCE
#include "../core/hardening.h"
#include "../core/text.h"
#include "confinement.h"
#include "launch.h"
#include "program.h"
#include "stub/entry.h"

#include <link.h>

static const char usage[] =
    "usage: harden [--method auto|execute-only|copy|preload] [--children [--except NAME]...]\n"
    "              [--keep NAME]... [--clear NAME]... [--strict] [--seal] [--confine]\n"
    "              [--bypass NAME] [--no-bypass] [--explain] [--] PROGRAM [ARG...]\n"
    "\n"
    "Starts a program so that no other process of its user can read its memory, from its first\n"
    "instruction on. Nothing else changes. It stays hardened when it executes another program.\n"
    "\n"
    "  --method auto          the first of the following that works here, copy excepted (default)\n"
    "  --method execute-only  an unreadable stand-in maps the program: no copy, no launch window\n"
    "  --method copy          an unreadable copy: its file can no longer change what runs\n"
    "  --method preload       a library hardens it before its main(): leaves a launch window\n"
    "  --children             harden its dynamically linked descendants too, before their main()\n"
    "  --except NAME          of these, leave the programs of this name (or pattern) alone\n"
    "  --keep NAME            leave a variable (or PREFIX*) in the environment\n"
    "  --clear NAME           remove one more variable (or PREFIX*)\n"
    "  --strict               no_new_privs, remove more variables, copy a program that its user\n"
    "                         can change\n"
    "  --seal                 keep the program from making itself inspectable again\n"
    "  --confine              keep it from reading other processes too: see confine --help\n"
    "  --bypass NAME          NAME=1 starts it unprotected, with a warning, for development\n"
    "                         (default: CODEX_SKIP_HARDENING)\n"
    "  --no-bypass            refuse to start it (status 8) where that variable is 1\n"
    "  --explain              try it, say what would be done, start nothing\n"
    "\n"
    "Exit status: the program's own; 126 it cannot be started protected, 127 it is not found,\n"
    "2 usage, 5, 6, 7 or 8 a step of hardening failed.\n";

/* What the core and the launcher otherwise get from libc. */
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

/* Whether --help is among the options. */
static int asks_for_help(char **words)
{
    for (; *words && **words == '-' && !ph_equal(*words, "--"); words++)
        if (ph_equal(*words, "--help") || ph_equal(*words, "-h"))
            return 1;
    return 0;
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

    environ = end;
    while (*end)
        end++;
    vector = (const ElfW(auxv_t) *)(void *)(end + 1);
    if (argc < 1)
        ph_exit(ph_complain(PH_EXIT_USAGE, "harden", "started without a name of its own"));
    start_strings = ph_find_strings(argv);
    if (asks_for_help(argv + 1))
        ph_exit(ph_print(usage, sizeof usage - 1));
    ph_exit(ph_launch(&launcher, argv + 1));
}
