/* Confines a launcher and reports what this kernel cannot restrict. */
#define _GNU_SOURCE
#include "confinement.h"

#include "../core/platform/linux_proc.h"
#include "program.h"

#include <sys/resource.h>

/* Whether "@" at the start of kernel.core_pattern means a socket, not a file: since Linux 6.16. */
static int has_core_sockets(void)
{
    char release[64];
    uint64_t major = 0, minor = 0;
    const char *rest = NULL;

    if (ph_read_file("/proc/sys/kernel/osrelease", release, sizeof release) > 0)
        rest = ph_parse_number(release, &major);
    if (rest && *rest == '.')
        (void)ph_parse_number(rest + 1, &minor);
    return major > 6 || (major == 6 && minor >= 16);
}

/* The same rules as in core_dumps.py: a test compares the two. */
void ph_add_core(struct ph_text *text)
{
    uint64_t limit[2] = {0, 0};
    char pattern[256], *target = pattern;
    long length = ph_read_file("/proc/sys/kernel/core_pattern", pattern, sizeof pattern);
    const int is_piped = length > 0 && *pattern == '|';
    const int is_sent = length > 0 && *pattern == '@' && has_core_sockets();

    while (length > 0 && pattern[length - 1] == '\n')
        pattern[--length] = '\0';
    if (!length && ph_read_setting("/proc/sys/kernel/core_uses_pid") > '0')
        ph_add(&(struct ph_text)PH_TEXT(pattern), ".PID");
    target += is_piped || is_sent;
    target += is_sent && *target == '@';
    if (length < 0) {
        ph_add(text, "where its core goes is unknown: kernel.core_pattern cannot be read");
    } else if (!*target) {
        ph_add(text, "its core is discarded");
    } else if (is_piped || is_sent) {
        ph_add(text, is_piped ? "its core is piped to " : "its core is sent to the socket ");
        ph_add_printable(text, target);
    } else {
        (void)ph_syscall(SYS_prlimit64, 0, RLIMIT_CORE, 0, (long)limit, 0);
        ph_add(text, "its core is written to \"");
        ph_add_printable(text, target);
        ph_add(text, limit[0] ? "\", unless its own core limit is 0"
                              : "\" if its own core limit allows one (here it is 0)");
    }
}

struct ph_span ph_find_strings(char **argv)
{
    struct ph_span strings = {*argv, *argv};
    char **at = argv;

    while (*at)
        strings.end = *at++;
    while (*++at) /* the variables follow the NULL */
        strings.end = *at;
    while (*strings.end)
        strings.end++;
    return strings;
}

static void add_gaps(long version, unsigned flags, struct ph_text *gaps)
{
    if (version < PH_LANDLOCK_SIGNALS && flags & PH_CONFINE_SIGNALS) {
        ph_add(gaps, "Linux before 6.12 cannot block signals: " PH_SIGNALS_OPEN
                     "; if one crashes a process, ");
        ph_add_core(gaps);
    }
    if (version < PH_LANDLOCK_REFER) {
        ph_add(gaps, gaps->length ? "; " : "");
        ph_add(gaps, "Linux before 5.19 also blocks renaming and linking files across directories");
    }
}

int ph_confine_launcher(unsigned flags, int strict, const struct ph_span *start_strings,
                        struct ph_text *gaps)
{
    static const char who[] = "confine";
    struct ph_failure failure;
    struct ph_probe probe;
    char line[PH_CONFINE_MESSAGE];
    struct ph_text text = PH_TEXT(line);
    const long version = ph_landlock_version(&failure);
    int failed = version < 0;

    *line = '\0';
    if (!failed)
        add_gaps(version, flags, gaps && !strict ? gaps : &text);
    if (*line && strict)
        return ph_complain(PH_EXIT_CANNOT, who, line);
    if (*line)
        (void)ph_complain(0, who, line);
    if (!failed && !(failed = ph_probe_start(start_strings, &probe, &failure))) {
        failed = ph_confine(flags, probe.pid, &failure);
        ph_probe_end(&probe);
    }
    if (!failed)
        return 0;
    ph_confine_describe(&failure, line, sizeof line);
    return ph_complain(PH_EXIT_CANNOT, who, line);
}
