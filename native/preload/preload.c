/* The LD_PRELOAD library: hardens a dynamically linked program before main(), and every program
 * that the process executes. Built without libc, so that one file works in glibc and musl
 * programs. */
#include "../core/hardening.h"
#include "../core/platform.h"
#include "../core/text.h"
#include "../exec/elf_file.h"
#include "../exec/handover.h"
#include "follow.h"
#include "own_name.h"

#include <sys/auxv.h>

#define PRELOAD_VARIABLE "LD_PRELOAD"
#define KEEP_PATTERNS (PH_LIST_SIZE / 2) /* each has a character and ":" or NUL */

/* Weak, so that the library links without libc. */
extern unsigned long getauxval(unsigned long type) __attribute__((weak));

/* Returns the value of a variable in environ, or NULL. If there are several, the last one counts,
 * as in glibc's loader. */
static char *find_value(const char *name)
{
    char *value = NULL;

    for (char **at = *ph_platform_environ(); at && *at; at++) {
        const char *rest = ph_after(*at, name);

        if (rest && *rest == '=')
            value = *at + (rest - *at) + 1;
    }
    return value;
}

/* Splits list at ":" into patterns that are not empty and point into text. Returns their number.
 * Those that do not fit are dropped, so the variables that they match are removed. */
static size_t split_patterns(const char *list, char text[PH_LIST_SIZE],
                             const char *patterns[KEEP_PATTERNS])
{
    size_t count = 0, length = 0;
    int begins = 1;

    for (; *list && length + 1 < PH_LIST_SIZE; list++) {
        const int ends = *list == ':';

        if (begins && !ends)
            patterns[count++] = text + length;
        begins = ends;
        text[length++] = ends ? '\0' : *list;
    }
    text[length] = '\0';
    return *list && !begins ? count - 1 : count; /* the last one may be cut off */
}

/* Wipes text in place. The entries of environ are still in the memory that /proc/PID/environ shows:
 * nothing has moved them yet, and this way of finding them does not need /proc. */
static void wipe(char *text)
{
    for (volatile char *byte = text; *byte; byte++)
        *byte = '\0';
}

/* Removes and wipes the entries that match remove but not keep. */
static void remove_entries(const char *const *remove, const char *const *keep)
{
    char **to = *ph_platform_environ();

    for (char **from = to; to && *from; from++)
        if (ph_environment_matches(*from, remove, keep))
            wipe(*from);
        else
            *to++ = *from;
    if (to)
        *to = NULL;
}

static void remove_variable(const char *name)
{
    const char *const names[] = {name, NULL};

    remove_entries(names, NULL);
}

/* Removes a sanitizer's library that comes before this library. */
static void remove_sanitizer(char *preload)
{
    char *rest = preload, *to = preload;

    while (*rest && *rest != ':')
        rest++;
    if (!*rest || !ph_begins_with_sanitizer(preload))
        return;
    for (rest++; *rest; rest++)
        *to++ = *rest;
    wipe(to);
}

/* Hardens this process, or exits. Returns 0 if the bypass variable is 1.
 * bypass -- the value of PH_BYPASS_NAME_VARIABLE, or NULL */
static int harden_now(const char *bypass)
{
    const struct ph_policy policy = {PH_BIT(PH_INSPECTION) | PH_BIT(PH_CORE_LIMIT), 0, NULL, NULL,
                                     !bypass ? PH_BYPASS_VARIABLE : *bypass ? bypass : NULL, 0};
    struct ph_report report;
    char message[PH_MESSAGE_SIZE];
    const int status = ph_harden(&policy, NULL, &report);

    if (!status && !report.bypassed)
        return 1;
    ph_message(&report, &policy, message, sizeof message);
    ph_warn(message);
    if (status)
        ph_exit(status);
    (void)ph_follow("", 0, NULL, NULL);
    return 0;
}

/* Whether a list of patterns matches this program. patterns -- NULL: there are none */
static int is_listed(const char *patterns)
{
    const unsigned long executed = getauxval ? getauxval(AT_EXECFN) : 0;

    return patterns && ph_matches_any(patterns, executed ? ph_basename((const char *)executed) : "");
}

/* Hardens again a process that `harden` or this library hardened before an exec.
 * PH_EXCEPT_VARIABLE has no effect here, since it would silently disable hardening.
 * preload, follow -- the values of LD_PRELOAD and PH_FOLLOW_VARIABLE */
static void harden_again(char *preload, const char *follow)
{
    const char *bypass = find_value(PH_BYPASS_NAME_VARIABLE);
    char *added = ph_end_of_own(preload, follow);

    (void)ph_follow(preload, 0, bypass, NULL);
    if (!is_listed(PH_EXCEPTIONS))
        (void)harden_now(bypass);
    if (added)
        wipe(added);
    else
        remove_variable(PRELOAD_VARIABLE);
    remove_variable(PH_FOLLOW_VARIABLE);
    remove_variable(PH_BYPASS_NAME_VARIABLE);
}

/* Hardens a process for the first time. */
static void harden_first(const char *preload)
{
    static const char *const loader[] = {"LD_*", NULL};
    static const char *const all[] = {"LD_*", PH_KEEP_VARIABLE, PH_EXCEPT_VARIABLE,
                                      PH_BYPASS_NAME_VARIABLE, NULL};
    const char *list = find_value(PH_KEEP_VARIABLE), *children = find_value(PH_CHILDREN_VARIABLE);
    const char *bypass = find_value(PH_BYPASS_NAME_VARIABLE);
    static const char *keep[KEEP_PATTERNS + 2]; /* too large for a small stack */
    static char text[PH_LIST_SIZE];
    size_t count = list ? split_patterns(list, text, keep) : 0;
    const int is_asked = children && ph_equal(children, "1");
    const char *except = is_asked ? find_value(PH_EXCEPT_VARIABLE) : NULL;
    const int stays = preload && ph_follow(preload, is_asked, bypass, except) && is_asked;

    if (stays && (is_listed(PH_EXCEPTIONS) || is_listed(except)))
        return;
    if (!harden_now(bypass))
        return;
    if (stays)
        keep[count++] = PRELOAD_VARIABLE;
    keep[count] = NULL;
    remove_entries(stays ? loader : all, keep);
    /* PH_KEEP_VARIABLE cannot keep the LD_PRELOAD that loaded this library. */
    if (!stays)
        remove_variable(PRELOAD_VARIABLE);
}

/* glibc passes these three arguments. musl passes none, but has already set environ. */
__attribute__((constructor)) static void harden_before_main(int argc, char **argv, char **envp)
{
    char *preload, *follow, *program;

    (void)argc, (void)argv;
    ph_environment_adopt(envp);
    program = find_value(PH_PROGRAM_VARIABLE);
    if (program) {
        ph_set_own_name(program);
        remove_variable(PH_PROGRAM_VARIABLE);
    }
    preload = find_value(PRELOAD_VARIABLE);
    follow = find_value(PH_FOLLOW_VARIABLE);
    if (preload && follow) {
        harden_again(preload, follow);
        return;
    }
    if (preload)
        remove_sanitizer(preload);
    harden_first(preload);
}
