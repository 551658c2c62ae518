/* The command `confine`: starts a program that cannot read, trace or signal other processes, and
 * is otherwise unchanged. Static and without libc, like `harden`. */
#define _GNU_SOURCE
#include "../core/hardening.h"
#include "../core/text.h"
#include "confinement.h"
#include "options.h"
#include "program.h"
#include "stub/entry.h"

#include <errno.h>

static const char usage[] =
    "usage: confine [--allow-signals] [--strict] [--explain] [--] PROGRAM [ARG...]\n"
    "\n"
    "Start a program that you do not trust. It and its descendants cannot read, trace or signal\n"
    "other processes, hardened or not, or take file descriptors from them. --explain lists\n"
    "what else is blocked to prevent that, and the remaining ways to reach other processes.\n"
    "\n"
    "  --allow-signals  allow signals to other processes. Signals can disclose memory: a crash\n"
    "                   leaves a core, and some runtimes dump their memory on a signal\n"
    "  --strict         refuse to start if the kernel cannot block signals (Linux before 6.12) or\n"
    "                   would block renaming files across directories (before 5.19)\n"
    "  --explain        test the restrictions and print what is blocked; start nothing\n"
    "                   (as JSON: process-hardening confine --explain --json)\n"
    "  --version        print the version and exit\n"
    "\n"
    "Exit status: the program's own; 126 if it cannot be started confined, 127 if it is not\n"
    "found, 2 for a usage error. It is never started unconfined.\n";

static const char version_line[] = "confine " PH_VERSION "\n";
static const char probe_option[] = "--probe"; /* domain.py uses it to start the probe */

enum { ALLOW_SIGNALS, STRICT, EXPLAIN, OPTIONS };
enum { HELP = OPTIONS, VERSION, NAMES }; /* these print something and exit */
static const char *const option_names[NAMES + 1] = {
    [ALLOW_SIGNALS] = "--allow-signals",
    [STRICT] = "--strict",
    [EXPLAIN] = "--explain",
    [HELP] = "--help",
    [VERSION] = "--version",
};

/* Definitions that the core otherwise gets from libc. */
char **environ;

/* Records the options in has; --help and --version print and exit. Returns the program and its
 * arguments, or NULL after printing a line on standard error. */
static char **parse(char **words, int has[OPTIONS])
{
    for (; *words && **words == '-'; words++) {
        int option = 0;

        if (ph_equal(*words, option_names[HELP]) || ph_equal(*words, "-h"))
            ph_exit(ph_print(usage, sizeof usage - 1));
        if (ph_equal(*words, option_names[VERSION]))
            ph_exit(ph_print(version_line, sizeof version_line - 1));
        if (ph_equal(*words, "--")) {
            words++;
            break;
        }
        while (option < OPTIONS && !ph_equal(*words, option_names[option]))
            option++;
        if (option == OPTIONS) {
            (void)ph_refuse_option(*words, option_names, "confine --help");
            return NULL;
        }
        has[option] = 1;
    }
    if (has[STRICT] && has[ALLOW_SIGNALS]) {
        (void)ph_complain(PH_EXIT_USAGE, "--strict", "conflicts with --allow-signals; use only one"
                                                     " of them");
        return NULL;
    }
    if (!*words) {
        (void)ph_complain(PH_EXIT_USAGE, "confine", "no program given; see confine --help");
        return NULL;
    }
    return words;
}

/* One line of --explain. */
static void say(struct ph_text *text, const char *label, const char *value)
{
    ph_add_fact(text, label, value, "\n");
}

static int explain(const char *path, unsigned flags, const char *gaps)
{
    struct ph_failure failure;
    const long version = ph_landlock_version(&failure);
    static char lines[5 * PH_PATH]; /* each byte of a path may be printed as four */
    char names[64], core[512];
    struct ph_text text = PH_TEXT(lines), method = PH_TEXT(names), crash = PH_TEXT(core);

    ph_add(&method, "Landlock, version ");
    ph_add_number(&method, (unsigned long)version);
    ph_add(&method, "; a seccomp filter; no_new_privs");
    ph_add_core(&crash);
    say(&text, "program", path);
    say(&text, "method", names);
    say(&text, "blocked",
        "reading and tracing other processes, hardened or not; taking their file descriptors;"
        " setting their limits; TIOCSTI and TIOCLINUX; F_SETSIG; system-wide perf; replacing the"
        " session keyring of its parent; open_by_handle_at; NS_MNT_GET_NEXT and NS_MNT_GET_PREV");
    say(&text, "signals",
        !(flags & PH_CONFINE_SIGNALS)   ? "allowed: " PH_SIGNALS_OPEN
        : version < PH_LANDLOCK_SIGNALS ? "allowed: this kernel cannot block them; " PH_SIGNALS_OPEN
                                        : "blocked to other processes");
    say(&text, "crashed process", core);
    if (*gaps)
        say(&text, "warning", gaps);
    say(&text, "lost",
        "set-user-ID and file capabilities; as root also " PH_BYPASSING);
    say(&text, "not blocked",
        "files, such as ~/.ssh; the network; services that act on behalf of the user, such as tmux,"
        " systemd --user, cron, D-Bus, X11 and Docker; the user's terminals: reading and typing"
        " keys, including those that send signals, which can crash what runs there or dump the"
        " heap of a JVM; stopping jobs of its own session; shared memory and keyrings; the"
        " arguments of other processes");
    return ph_print(lines, text.length);
}

/* Prints why execve(2) failed, in the words of `harden` where the file is the cause. */
static int report_failure(const char *path, char **words, long error)
{
    static struct ph_program program;
    size_t count = 0;
    int status = 0;

    while (words[count])
        count++;
    if (error == -ENOENT || error == -ENOEXEC) {
        char *copy[PH_SPARE + count + 1];

        for (size_t i = 0; i <= count; i++)
            copy[PH_SPARE + i] = words[i];
        status = ph_program_find(&program, copy + PH_SPARE);
    }
    return status ? PH_EXIT_CANNOT
                  : ph_complain(PH_EXIT_CANNOT, path,
                                error == -ENOEXEC ? ph_explain_format(&program)
                                                  : ph_call_failed("execve", error));
}

static int run(char **argv)
{
    static char path[PH_PATH];
    int has[OPTIONS] = {0};
    const struct ph_span strings = ph_find_strings(argv);
    char line[PH_CONFINE_MESSAGE] = "";
    struct ph_text gaps = PH_TEXT(line);
    char **words = parse(argv + 1, has);
    const unsigned flags = has[ALLOW_SIGNALS] ? 0 : PH_CONFINE_SIGNALS;
    int status;

    if (!words)
        return PH_EXIT_USAGE;
    status = ph_program_search(*words, NULL, path);
    if (!status)
        status = ph_confine_launcher(flags, has[STRICT], &strings, has[EXPLAIN] ? &gaps : NULL);
    if (status)
        return status;
    if (has[EXPLAIN])
        return explain(path, flags, line);
    return report_failure(path, words, PH_CALL(SYS_execve, path, words, environ));
}

uintptr_t ph_start(uintptr_t *stack)
{
    const int argc = (int)*stack;
    char **argv = (char **)(stack + 1);

    if (argc < 1)
        ph_exit(ph_complain(PH_EXIT_USAGE, "confine", "started without argv[0]"));
    environ = argv + argc + 1;
    if (argc == 2 && ph_equal(argv[1], probe_option))
        ph_probe_wait();
    ph_exit(run(argv));
}
