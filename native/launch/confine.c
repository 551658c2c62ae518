/* The command `confine`: starts a program that can read, trace and crash no process outside, and is
 * otherwise unchanged. Static and without libc, like `harden`. */
#define _GNU_SOURCE
#include "../core/hardening.h"
#include "../core/text.h"
#include "domain.h"
#include "program.h"
#include "stub/entry.h"

#include <errno.h>
#include <sys/resource.h>

static const char usage[] =
    "usage: confine [--allow-signals] [--strict] [--explain] [--] PROGRAM [ARG...]\n"
    "\n"
    "Starts a program that you do not trust. It and all that it starts cannot read, trace or crash\n"
    "any process outside, whether that is hardened or not, nor take descriptors from one. They may\n"
    "do everything else that they could before.\n"
    "\n"
    "  --allow-signals  let it send signals to processes outside: a crash can leave their memory\n"
    "                   in a core\n"
    "  --strict         refuse to start it where the kernel cannot refuse signals (Linux before\n"
    "                   6.12) or would refuse to rename files across folders (before 5.19)\n"
    "  --explain        try it, say what is restricted and what is not, start nothing\n"
    "\n"
    "Exit status: the program's own; 126 it cannot be started confined, 127 it is not found,\n"
    "2 usage. It is never started unconfined.\n";

static const char probe_option[] = "--probe"; /* domain.py starts the process outside with it */

struct options {
    int allow_signals, strict, explain;
};

/* What the core otherwise gets from libc. */
char **environ;

/* Parses the options. Returns the words of the program; NULL after a line on standard error. */
static char **parse(char **words, struct options *options)
{
    const struct {
        const char *name;
        int *flag;
    } flags[] = {{"--allow-signals", &options->allow_signals},
                 {"--strict", &options->strict},
                 {"--explain", &options->explain}};

    for (; *words && **words == '-'; words++) {
        size_t i = 0;

        if (ph_equal(*words, "--")) {
            words++;
            break;
        }
        while (i < sizeof flags / sizeof *flags && !ph_equal(*words, flags[i].name))
            i++;
        if (i == sizeof flags / sizeof *flags) {
            (void)ph_complain(PH_EXIT_USAGE, *words, "bad option; see confine --help");
            return NULL;
        }
        *flags[i].flag = 1;
    }
    if (options->strict && options->allow_signals) {
        (void)ph_complain(PH_EXIT_USAGE, "--strict", "refuses the signals that --allow-signals"
                                                     " allows: give one of them");
        return NULL;
    }
    if (!*words) {
        (void)ph_complain(PH_EXIT_USAGE, "confine", "name a program; see confine --help");
        return NULL;
    }
    return words;
}

/* Adds where the core of a crashed process would go: core(5). */
static void add_core(struct ph_text *text)
{
    uint64_t limit[2] = {0, 0};
    char pattern[256];
    const long fd = ph_syscall(SYS_openat, AT_FDCWD, (long)"/proc/sys/kernel/core_pattern",
                               O_RDONLY | O_CLOEXEC, 0, 0);
    long length = fd < 0 ? fd : ph_read_at(fd, pattern, sizeof pattern - 1, 0);

    (void)ph_syscall(SYS_close, fd, 0, 0, 0, 0);
    (void)ph_syscall(SYS_prlimit64, 0, RLIMIT_CORE, 0, (long)limit, 0);
    while (length > 0 && pattern[length - 1] == '\n')
        length--;
    pattern[length > 0 ? length : 0] = '\0';
    if (*pattern == '|') {
        ph_add(text, "its core is piped to ");
        ph_add(text, pattern + 1);
        return;
    }
    ph_add(text, "its core is written to \"");
    ph_add(text, pattern);
    ph_add(text, limit[0] ? "\", unless its own core limit is 0"
                          : "\" if its own core limit allows one (here it is 0)");
}

/* What the kernel cannot do, in one line; returns whether there is something. */
static int describe_gaps(long version, const struct options *options, struct ph_text *text)
{
    if (version < PH_LANDLOCK_SIGNALS && !options->allow_signals) {
        ph_add(text, "Linux before 6.12 cannot refuse signals: when one crashes a process, ");
        add_core(text);
    }
    if (version < PH_LANDLOCK_REFER) {
        ph_add(text, text->length ? "; " : "");
        ph_add(text, "Linux before 5.19 refuses to rename and link files across folders");
    }
    return text->length > 0;
}

/* One line of --explain. */
static void say(const char *label, const char *value)
{
    char line[2 * PH_PATH];
    struct ph_text text = PH_TEXT(line);

    ph_add(&text, label);
    ph_add(&text, ":");
    while (text.length < 18)
        ph_add(&text, " ");
    ph_add(&text, value);
    for (size_t i = 0; i < text.length; i++) /* no terminal escape sequences */
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    ph_add(&text, "\n");
    (void)ph_syscall(SYS_write, 1, (long)line, (long)text.length, 0, 0);
}

static void explain(const char *path, long version, const struct options *options,
                    const char *gaps)
{
    char method[64], core[512];
    struct ph_text text = PH_TEXT(method), crash = PH_TEXT(core);

    ph_add(&text, "Landlock, version ");
    ph_add_number(&text, (unsigned long)version);
    ph_add(&text, "; a seccomp filter; no_new_privs");
    add_core(&crash);
    say("program", path);
    say("method", method);
    say("refused", "reading, tracing and taking descriptors of processes outside, hardened or not;"
                   " setting their limits; typing into terminals; perf of the whole machine");
    say("signals", options->allow_signals           ? "allowed"
                   : version < PH_LANDLOCK_SIGNALS ? "allowed: this kernel cannot refuse them"
                                                    : "refused to processes outside");
    say("a crash outside", core);
    if (*gaps)
        say("beware", gaps);
    say("lost", "set-user-ID and file capabilities; as root also CAP_SYS_ADMIN, CAP_SYS_MODULE,"
                " CAP_SYS_RAWIO and CAP_PERFMON");
    say("not refused", "files, such as ~/.ssh; the network; services that act for their user, such"
                       " as tmux, systemd --user, cron, D-Bus, X11 and docker; shared memory;"
                       " the arguments of other processes");
}

static int run(char **argv, const struct ph_span *strings)
{
    static char path[PH_PATH];
    struct options options = {0, 0, 0};
    struct ph_failure failure;
    struct ph_probe probe;
    char text[PH_CONFINE_MESSAGE];
    struct ph_text gaps = PH_TEXT(text);
    char **words = parse(argv + 1, &options);
    long version, error;
    int status;

    if (!words)
        return PH_EXIT_USAGE;
    status = ph_program_search(*words, path);
    if (status)
        return status;
    version = ph_landlock_version(&failure);
    if (version < 0 || ph_probe_start(strings, &probe, &failure)) {
        ph_confine_describe(&failure, text, sizeof text);
        return ph_complain(PH_EXIT_CANNOT, "confine", text);
    }
    *text = '\0';
    if (describe_gaps(version, &options, &gaps) && !options.explain)
        status = ph_complain(options.strict ? PH_EXIT_CANNOT : 0, "confine", text);
    error = status ? 0
                   : ph_confine(options.allow_signals ? 0 : PH_CONFINE_SIGNALS, probe.pid, &failure);
    ph_probe_end(&probe);
    if (status)
        return status;
    if (error) {
        ph_confine_describe(&failure, text, sizeof text);
        return ph_complain(PH_EXIT_CANNOT, "confine", text);
    }
    if (options.explain) {
        explain(path, version, &options, text);
        return 0;
    }
    failure = (struct ph_failure){.reason = PH_CALL_FAILED, .call = "execve"};
    failure.error = (int)-ph_syscall(SYS_execve, (long)path, (long)words, (long)environ, 0, 0);
    ph_describe(&failure, text, sizeof text);
    return ph_complain(PH_EXIT_CANNOT, path, text);
}

uintptr_t ph_start(uintptr_t *stack)
{
    const int argc = (int)*stack;
    char **argv = (char **)(stack + 1);
    struct ph_span strings;

    if (argc < 1)
        ph_exit(ph_complain(PH_EXIT_USAGE, "confine", "started without a name of its own"));
    environ = argv + argc + 1;
    /* The arguments and the variables follow each other. */
    strings.start = strings.end = argv[0];
    for (char **at = argv; *at || at < environ; at++)
        if (*at)
            strings.end = *at;
    while (*strings.end)
        strings.end++;
    if (argc == 2 && ph_equal(argv[1], probe_option))
        ph_probe_wait();
    if (argc == 2 && (ph_equal(argv[1], "--help") || ph_equal(argv[1], "-h"))) {
        (void)ph_syscall(SYS_write, 1, (long)usage, sizeof usage - 1, 0, 0);
        ph_exit(0);
    }
    ph_exit(run(argv, &strings));
}
