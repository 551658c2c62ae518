/* Confines a launcher and reports what this kernel cannot restrict. */
#define _GNU_SOURCE
#include "confinement.h"

#include "program.h"

#include <sys/resource.h>

void ph_add_core(struct ph_text *text)
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
        ph_add_printable(text, pattern + 1);
        return;
    }
    ph_add(text, "its core is written to \"");
    ph_add_printable(text, pattern);
    ph_add(text, limit[0] ? "\", unless its own core limit is 0"
                          : "\" if its own core limit allows one (here it is 0)");
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
