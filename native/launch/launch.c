/* From options to the program: hardens this process, cleans the environment and tries one method
 * after the other. Only one launch at a time: everything is static. */
#define _GNU_SOURCE
#include "launch.h"

#include "../core/hardening.h"
#include "../core/platform.h"
#include "../core/text.h"
#include "explain.h"
#include "method.h"
#include "variables.h"

#include <errno.h>
#include <signal.h>

#define SET_ASIDE (1 << 18) /* bytes of search paths, in hex */
#define SET_ASIDE_VARIABLE "PROCESS_HARDENING_SET_ASIDE"
#define STRICT_COUNT (sizeof strict_variables / sizeof *strict_variables)

/* Always removed: fill_environment() and add_library() write the last three anew. */
static const char *const own_variables[] = {"LD_*", SET_ASIDE_VARIABLE, PH_KEEP_VARIABLE,
                                            PH_CHILDREN_VARIABLE, NULL};
#define OWN_COUNT (sizeof own_variables / sizeof *own_variables - 1)
/* Entries that the program's environment gets. */
#define LIBRARY_ENTRIES 3
#define ADDED (PH_VARIABLES + 1 + LIBRARY_ENTRIES + 1)

static struct ph_options options;
static struct ph_program program;
static char set_aside[SET_ASIDE], removed_names[2048], library[PH_PATH], keep[PH_PATTERNS * 64];
static struct ph_text aside, removed;

static int is_own(const char *entry)
{
    return ph_environment_matches(entry, own_variables + 1, NULL);
}

/* Notes the name of a variable that is removed. A search path is set aside: in hex, with a NUL
 * between two of them. */
static int note_removed(void *context, const char *entry, size_t name_length)
{
    (void)context;
    if (!is_own(entry)) {
        ph_add(&removed, removed.length ? ", " : "");
        for (size_t i = 0; i < name_length; i++)
            ph_add(&removed, (const char[]){entry[i], '\0'});
    }
    if (!ph_environment_matches(entry, search_paths, NULL))
        return 0;
    if (aside.buffer[aside.length - 1] != '=')
        ph_add(&aside, "00");
    for (; *entry; entry++) {
        const unsigned byte = (unsigned char)*entry;
        const char hex[] = {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15], '\0'};

        ph_add(&aside, hex);
    }
    return aside.cut ? -1 : 0;
}

/* What was set aside by the program that started this one, unless it is damaged. */
static void take_over_set_aside(void)
{
    const char *value = ph_environment_value(SET_ASIDE_VARIABLE);
    size_t length = 0;

    ph_add(&aside, SET_ASIDE_VARIABLE "=");
    while (value && ((value[length] >= '0' && value[length] <= '9') ||
                     (value[length] >= 'a' && value[length] <= 'f')))
        length++;
    if (value && !value[length] && length % 2 == 0)
        ph_add(&aside, value);
}

/* Enforces the policy. Returns 0, or an exit status after a line that says why. */
static int enforce(const struct ph_policy *policy, const struct ph_visitor *visitor,
                   struct ph_report *report)
{
    char message[PH_MESSAGE_SIZE];
    const int status = ph_harden(policy, visitor, report);

    if (status) {
        ph_message(report, policy, message, sizeof message);
        ph_complaint(message);
    }
    return status;
}

/* The policy that the options ask for: everything but the two steps that came before. */
static int enforce_options(const struct ph_launcher *launcher, struct ph_report *report)
{
    const char *remove[OWN_COUNT + PH_PATTERNS + STRICT_COUNT];
    const struct ph_visitor visitor = {note_removed, NULL};
    struct ph_policy policy = {PH_DEFAULT_STEPS, 1, remove, options.names[PH_KEEP],
                               launcher->bypass};
    char message[PH_MESSAGE_SIZE];
    size_t count = 0;
    int status;

    for (size_t i = 0; i < OWN_COUNT; i++)
        remove[count++] = own_variables[i];
    for (size_t i = 0; i < options.count[PH_CLEAR]; i++)
        remove[count++] = options.names[PH_CLEAR][i];
    for (size_t i = 0; options.has[PH_STRICT] && strict_variables[i]; i++)
        remove[count++] = strict_variables[i];
    remove[count] = NULL;
    if (launcher->keeps_environment)
        policy.steps &= ~PH_BIT(PH_ENVIRONMENT);
    if (options.has[PH_STRICT] || options.has[PH_SEALED])
        policy.steps |= PH_BIT(PH_NO_NEW_PRIVS);
    if (options.has[PH_SEALED])
        policy.steps |= PH_BIT(PH_SEAL);
    status = enforce(&policy, &visitor, report);
    if (!status && report->bypassed) {
        ph_message(report, &policy, message, sizeof message);
        ph_warn(message);
    }
    return status;
}

/* Whether an env line of a script sets the variable of this entry. */
static int is_set_by_script(const char *entry)
{
    for (char **at = program.variables; *at; at++) {
        const char *name = *at, *other = entry;

        while (*name == *other && *name != '=')
            name++, other++;
        if (*name == *other)
            return 1;
    }
    return 0;
}

/* Fills in the program's environment: what is left of ours, and what scripts and we set. Returns
 * its end, where the entries for our library go. */
static char **fill_environment(char **entries)
{
    for (char **at = *ph_platform_environ(); *at; at++)
        if (!is_set_by_script(*at))
            *entries++ = *at;
    for (char **at = program.variables; *at; at++)
        *entries++ = *at;
    if (aside.length > sizeof SET_ASIDE_VARIABLE)
        *entries++ = set_aside;
    *entries = NULL;
    return entries;
}

static int is_readable(const char *path)
{
    return !ph_syscall(SYS_faccessat, AT_FDCWD, (long)path, R_OK, 0, 0);
}

/* Finds our library beside the command, or in the package of the same environment:
 * ../lib/python3.N. Returns whether it is there. */
static int find_beside(char path[PH_PATH])
{
    static const char *const folders[][2] = {
        {"/lib/process-hardening", NULL},
        {"/lib/python3.", "/site-packages/process_hardening"},
        {"/lib64/python3.", "/site-packages/process_hardening"},
        {"/lib/python3.", "/dist-packages/process_hardening"}, /* Debian's pip */
    };
    char own[PH_PATH];
    const long length =
        ph_syscall(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)own, sizeof own - 1, 0);

    own[length < 0 ? 0 : length] = '\0';
    for (int parts = 0; parts < 2; parts++) /* the command's name, and the folder "bin" */
        *((char *)(uintptr_t)ph_basename(own) - (*own == '/')) = '\0';
    for (unsigned long at = 0; length > 0 && at < 4 * 10; at++) {
        const char *const *folder = folders[at % 4];
        struct ph_text text = {path, PH_PATH, 0, 0};

        ph_add(&text, own);
        ph_add(&text, folder[0]);
        if (folder[1]) {
            ph_add_number(&text, 10 + at / 4);
            ph_add(&text, folder[1]);
        }
        ph_add(&text, "/libprocess_hardening.so");
        if (!text.cut && is_readable(path))
            return 1;
    }
    return 0;
}

/* Writes LD_PRELOAD=PATH of the launcher's library. Returns NULL, or why that is impossible. */
static const char *find_library(const struct ph_launcher *launcher, struct ph_text *entry)
{
    char found[PH_PATH];
    const char *path = launcher->library;

    if (!path && !find_beside(found))
        return "our library is not installed beside this command";
    if (!path)
        path = found;
    if (!is_readable(path))
        return "our library cannot be read";
    for (const char *c = path; *c; c++)
        if (*c == ':' || *c == ' ')
            return "LD_PRELOAD cannot name our library: install it into a path without blank"
                   " and colon";
    ph_add(entry, "LD_PRELOAD=");
    ph_add(entry, path);
    return entry->cut ? "the path of our library is too long" : NULL;
}

/* Writes what our library is to keep. Returns 0, or an exit status after ph_complain(). */
static int write_keep(void)
{
    struct ph_text text = PH_TEXT(keep);

    ph_add(&text, PH_KEEP_VARIABLE "=");
    for (size_t i = 0; i < options.count[PH_KEEP]; i++) {
        ph_add(&text, i ? ":" : "");
        ph_add(&text, options.names[PH_KEEP][i]);
    }
    return text.cut ? ph_complain(PH_EXIT_USAGE, "--keep", "too many names") : 0;
}

/* Adds what our library needs (preload.c) to the environment, where a method or --children loads
 * it. entries has room for LIBRARY_ENTRIES. */
static void add_library(char **entries)
{
    static char children[] = PH_CHILDREN_VARIABLE "=1";

    *entries++ = library;
    *entries++ = keep;
    if (options.has[PH_CHILDREN])
        *entries++ = children;
    *entries = NULL;
}

/* Whether an error justifies falling back to a method with a launch window. Errors that an attacker
 * can cause from outside (descriptors, memory, limits, signals) do not. */
static int is_refusal(long error)
{
    return error == -EPERM || error == -EACCES || error == -ENOSYS || error == -EINVAL;
}

static void add_reason(struct ph_text *reasons, int method, const char *objection)
{
    ph_add(reasons, reasons->length ? "; not " : "not ");
    ph_add(reasons, ph_method_names[method].shortly);
    ph_add(reasons, ": ");
    ph_add(reasons, objection);
}

/* Tries one method after the other. Returns an exit status, or does not. */
static int start(unsigned methods, char **entries, char **end, const char *no_library)
{
    static char buffer[2048]; /* why not the methods so far */
    struct ph_text reasons = PH_TEXT(buffer);
    long error = 0;
    int is_caused = 0; /* an error of which somebody else may be the cause */

    for (int method = 0; method < PH_METHODS && error != -E2BIG; method++) {
        struct ph_place place = {-1, "", ""};
        struct ph_failure failure = {.reason = PH_CALL_FAILED};
        char description[PH_MESSAGE_SIZE];
        const char *objection;

        if (!(methods & PH_BIT(method)) || (method == PH_PRELOAD && is_caused))
            continue;
        objection = ph_objection((enum ph_method)method, &program, no_library);
        if (objection) {
            add_reason(&reasons, method, objection);
            continue;
        }
        if (method == PH_PRELOAD && options.automatic && !options.has[PH_EXPLAIN])
            (void)ph_complain(0, program.path, buffer);
        if (options.has[PH_CHILDREN] || method == PH_PRELOAD)
            add_library(end);
        error = ph_execute((enum ph_method)method, &program, entries, options.has[PH_EXPLAIN],
                           &place);
        if (!error && options.has[PH_EXPLAIN])
            return ph_explain((enum ph_method)method, &program, &options, buffer, removed_names);
        if (!error) /* a faked success */
            error = -EIO;
        if (error == -PH_EXIT_CANNOT) /* the stub has printed the reason */
            return PH_EXIT_CANNOT;
        if (place.fd >= 0)
            (void)ph_syscall(SYS_close, place.fd, 0, 0, 0, 0);
        is_caused |= !is_refusal(error);
        /* A filter refuses it for every place, whatever happened to another one. */
        if (ph_equal(place.call, "execveat") && (error == -EPERM || error == -ENOSYS))
            is_caused = 0;
        failure.error = (int)-error;
        failure.call = place.call;
        ph_describe(&failure, description, sizeof description);
        add_reason(&reasons, method, description);
    }
    return ph_complain(PH_EXIT_CANNOT, program.path, buffer);
}

/* Which methods are left for this program. */
static unsigned choose_methods(void)
{
    if (program.fd < 0)
        return PH_BIT(PH_UNREADABLE_FILE);
    if (options.methods & PH_STAND_INS &&
        (!program.is_native || (options.has[PH_STRICT] && program.is_writable)))
        return (options.methods & ~PH_STAND_INS) | PH_COPIES;
    return options.methods;
}

static int start_unprotected(void)
{
    if (options.has[PH_EXPLAIN])
        return ph_explain_bypass(&program);
    (void)ph_syscall(SYS_execve, (long)program.path, (long)program.argv,
                     (long)*ph_platform_environ(), 0, 0);
    return ph_complain(PH_EXIT_CANNOT, program.path, "execve failed");
}

/* Makes both signals what they were before this process, a Python, ignored them. */
static void reset_signals(void)
{
    static const long by_default[16]; /* struct sigaction of the kernel: SIG_DFL is 0 */

    (void)ph_syscall(SYS_rt_sigaction, SIGPIPE, (long)by_default, 0, sizeof(uint64_t), 0);
    (void)ph_syscall(SYS_rt_sigaction, SIGXFSZ, (long)by_default, 0, sizeof(uint64_t), 0);
}

/* Finds the program and starts it. words has PH_SPARE words of room before it. */
static int find_and_start(const struct ph_launcher *launcher, char **words, int is_bypassed)
{
    struct ph_text entry = PH_TEXT(library);
    const char *no_library = find_library(launcher, &entry);
    int status = ph_program_find(&program, words);
    size_t count = 0;

    status = status ? status : write_keep();
    if (status)
        return status;
    if (launcher->ignores_signals && !options.has[PH_EXPLAIN])
        reset_signals();
    if (is_bypassed)
        return start_unprotected();
    if (options.has[PH_CHILDREN] && no_library)
        return ph_complain(PH_EXIT_CANNOT, "--children", no_library);
    while ((*ph_platform_environ())[count])
        count++;
    {
        char *entries[count + ADDED];

        return start(choose_methods(), entries, fill_environment(entries), no_library);
    }
}

int ph_launch(const struct ph_launcher *launcher, char **words)
{
    const struct ph_policy first = {PH_BIT(PH_INSPECTION) | PH_BIT(PH_CORE_LIMIT), 1, NULL, NULL,
                                    launcher->bypass};
    struct ph_report report;
    size_t count = 0;
    /* Before anything else. */
    int status = enforce(&first, NULL, &report);

    if (status)
        return status;
    aside = (struct ph_text)PH_TEXT(set_aside);
    removed = (struct ph_text)PH_TEXT(removed_names);
    options = (struct ph_options){0};
    program = (struct ph_program){0};
    words = ph_parse_options(words, launcher->help, &options);
    if (!words)
        return PH_EXIT_USAGE;
    /* Before --seal, with which the process to try it on could not be read. */
    if (options.has[PH_CONFINED] && (status = launcher->confine(options.has[PH_STRICT])))
        return status;
    if (!launcher->keeps_environment)
        take_over_set_aside();
    status = enforce_options(launcher, &report);
    if (status)
        return status;
    while (words[count])
        count++;
    {
        char *arguments[PH_SPARE + count + 1];

        for (size_t i = 0; i <= count; i++)
            arguments[PH_SPARE + i] = words[i];
        status = find_and_start(launcher, arguments + PH_SPARE, report.bypassed);
        if (program.fd > 0) /* 0: it was never opened, or it will be closed with the process */
            (void)ph_syscall(SYS_close, program.fd, 0, 0, 0, 0);
        return status;
    }
}
