/* Prints how a program would be started, and what it would be protected from. */
#define _GNU_SOURCE
#include "explain.h"

#include "../core/hardening.h"
#include "../core/text.h"
#include "../exec/handover.h"
#include "../exec/linux_file.h"
#include "method.h"

#include <errno.h>
#include <sys/prctl.h>
#include <unistd.h>

#define AGAINST "debuggers, /proc/PID/mem, core dumps and injected libraries"

static char buffer[8 * PH_PATH];
static struct ph_text text;

static void say(const char *label, const char *value, const char *more)
{
    ph_add_fact(&text, label, value, more);
    ph_add(&text, "\n");
}

/* Whether the end of a program's name is nothing or a version, as in node22 or java-17-openjdk. */
static int is_version(const char *end)
{
    if (!*end)
        return 1;
    if (*end == '-' || *end == '_' || *end == '.')
        end++;
    if (*end == 'v')
        end++;
    if (*end < '0' || *end > '9')
        return 0;
    while ((*end >= '0' && *end <= '9') || *end == '.')
        end++;
    return !*end || *end == '-' || *end == '_' || *end == '+' || *end == '~';
}

/* The same programs as in runtimes.py: a test compares the two lists. */
static int shows_its_memory(const char *program)
{
    static const char *const runtimes[] = {"node", "nodejs", "deno", "java", "beam.smp"};

    for (size_t i = 0; i < sizeof runtimes / sizeof *runtimes; i++) {
        const char *end = ph_after(program, runtimes[i]);

        if (end && is_version(end))
            return 1;
    }
    return 0;
}

/* The real path of an unreadable program is not known. */
static const char *path_of(const struct ph_program *program)
{
    return *program->real ? program->real : program->path;
}

/* Starts the text. */
static void say_program(const struct ph_program *program)
{
    text = (struct ph_text)PH_TEXT(buffer);
    say("program", path_of(program), "");
}

/* The final arguments, or their first few thousand bytes. */
static void say_arguments(const struct ph_program *program)
{
    ph_add_fact(&text, "arguments", "", "");
    text.size = sizeof buffer / 2;
    for (char **at = program->argv; *at && !text.cut; at++) {
        ph_add(&text, at == program->argv ? "'" : " '");
        ph_add_printable(&text, *at);
        ph_add(&text, "'");
    }
    text.size = sizeof buffer;
    ph_add(&text, text.cut ? "...\n" : "\n");
    text.cut = 0;
}

static long dumpable_at_start;

void ph_note_start(void)
{
    dumpable_at_start = PH_CALL(SYS_prctl, PR_GET_DUMPABLE, 0, 0, 0, 0);
}

/* Whether the launcher's user can read its file. Returns 1 or 0, or -1 if it is unknown. */
static int has_readable_file(void)
{
    static const char own_file[] = "/proc/self/exe";
    struct ph_statx file = {0};

    if (ph_stat(AT_FDCWD, own_file, 0, &file) || !file.inode) /* a filter can fake success */
        return -1;
    return file.uid || PH_CALL(SYS_faccessat, AT_FDCWD, own_file, R_OK) != -EACCES;
}

int ph_was_exposed_unexpectedly(void)
{
    return dumpable_at_start == 1 && !has_readable_file();
}

/* Prints whether another process of the user may have opened this launcher before it hardened
 * itself. */
static void say_launcher(void)
{
    const int readable = has_readable_file();

    if (readable < 0 || (!readable && dumpable_at_start < 0))
        say("launcher", "it is unknown whether its user can read its file", "");
    else if (!readable && dumpable_at_start == 1)
        say("launcher", PH_EXPOSED_UNEXPECTEDLY, "");
    else if (!readable)
        say("launcher", "its user cannot read its file: protected from its first instruction on", "");
    else
        say("launcher", "its user can read its file, and its memory until it has hardened itself:",
            " root can install it with mode 0711");
}

int ph_explain_bypass(const struct ph_program *program)
{
    say_program(program);
    say_arguments(program);
    say("protects", "nothing: the bypass variable is set", "");
    return ph_print(buffer, text.length);
}

int ph_explain(enum ph_method method, const struct ph_program *program,
               const struct ph_options *options, const char *no_library, const char *because,
               const char *removed)
{
    say_program(program);
    say("method", ph_method_names[method].text, "");
    if (*because)
        say("reason", because, "");
    say_arguments(program);
    say("core limit", "0, soft and hard, inherited by its children", "");
    say("removed", *removed ? removed : "nothing", "");
    say("protects",
        method == PH_PRELOAD ? "from just before its main()" : "from its first instruction",
        no_library ? " until it executes another program, against " AGAINST
                   : ", against " AGAINST);
    say("does not protect",
        "its arguments; anything from root or CAP_SYS_PTRACE",
        method == PH_PRELOAD ? "; the window between exec and the library's constructor" : "");
    say_launcher();
    if (shows_its_memory(ph_basename(path_of(program))))
        say("warning", "this runtime discloses its memory to any process of its user",
            " unless that is disabled: docs/harden.md#runtimes");
    if (PH_BIT(method) & PH_STAND_INS && program->is_writable)
        say("warning", "its user can modify the file, and so the running program:",
            " use --strict or --method copy to start a copy");
    if (method == PH_UNREADABLE_FILE && program->is_writable)
        say("warning", "its user owns the file and can make it readable while it starts:",
            " --strict refuses to start it");
    if (PH_BIT(method) & PH_IN_MEMORY)
        say("own path", no_library ? "/memfd:NAME (deleted)" : program->real,
            no_library ? "" : " from libc's readlink and realpath; else /memfd:NAME (deleted)");
    if (no_library)
        say("after an exec", "not hardened: ", no_library);
    else
        say("after an exec", "hardened before main(), readable until then (start that program with"
                             " harden to avoid this); not hardened: static programs, other"
                             " architectures, " PH_EXCEPTIONS, "");
    say("children",
        options->has[PH_CHILDREN] ? "dynamically linked programs are hardened too; others are not"
                                  : "not hardened, except for the core limit; see --children",
        "");
    if (options->has[PH_CONFINED])
        say("confined", "cannot read, trace or signal other processes; see confine --explain", "");
    if (options->has[PH_STRICT] || options->has[PH_SEALED])
        say("no_new_privs", "set, inherited by its children", "");
    return ph_print(buffer, text.length);
}
