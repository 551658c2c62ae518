/* Starts a program as the options request: hardens this process, cleans the environment and tries
 * the methods in order. Only one launch at a time is possible, because all state is static. */
#define _GNU_SOURCE
#include "launch.h"

#include "../core/hardening.h"
#include "../core/pattern.h"
#include "../core/platform.h"
#include "../core/platform/linux_signals.h"
#include "../core/text.h"
#include "../exec/handover.h"
#include "explain.h"
#include "library.h"
#include "method.h"
#include "variables.h"

#include <errno.h>

#define SET_ASIDE (1 << 18) /* bytes of search paths, in hex */
#define STRICT_COUNT (sizeof strict_variables / sizeof *strict_variables)

/* Always removed. Those that this launch needs are written anew below. */
static const char *const own_variables[] = {
    "LD_*", PH_SET_ASIDE_VARIABLE, PH_KEEP_VARIABLE, PH_CHILDREN_VARIABLE, PH_EXCEPT_VARIABLE,
    PH_FOLLOW_VARIABLE, PH_PROGRAM_VARIABLE, PH_BYPASS_NAME_VARIABLE, NULL};
#define OWN_COUNT (sizeof own_variables / sizeof *own_variables - 1)
/* How many entries the program's environment may gain. */
#define ADDED (PH_VARIABLES + 1 + PH_LIBRARY_ENTRIES + 2)

static struct ph_options options;
static struct ph_program program;
static char set_aside[SET_ASIDE], removed_names[2048];
static char own_path[sizeof PH_PROGRAM_VARIABLE + PH_PATH];
static struct ph_text aside, removed;
static const char *removals[OWN_COUNT + PH_PATTERNS + STRICT_COUNT]; /* NULL-terminated */

static int is_own(const char *entry)
{
    return ph_environment_matches(entry, own_variables + 1, NULL);
}

/* Notes the name of a variable that is removed, for --explain. */
static void note_name(const char *entry, size_t length)
{
    ph_add(&removed, removed.length ? ", " : "");
    ph_add_bytes(&removed, entry, length);
}

/* Notes a variable that is removed. Search paths are set aside: in hex, separated by NULs. */
static int note_removed(void *context, const char *entry, size_t name_length)
{
    (void)context;
    if (!is_own(entry))
        note_name(entry, name_length);
    if (!ph_environment_matches(entry, search_paths, NULL))
        return 0;
    if (aside.buffer[aside.length - 1] != '=')
        ph_add(&aside, "00");
    for (; *entry; entry++) {
        const unsigned byte = (unsigned char)*entry;
        const char hex[] = {PH_HEX_DIGITS[byte >> 4], PH_HEX_DIGITS[byte & 15], '\0'};

        ph_add(&aside, hex);
    }
    return aside.cut ? E2BIG : 0;
}

/* Takes over the search paths that an earlier launcher set aside, unless they are damaged. */
static void take_over_set_aside(void)
{
    const char *value = ph_environment_value(PH_SET_ASIDE_VARIABLE);
    size_t length = 0;

    ph_add(&aside, PH_SET_ASIDE_VARIABLE "=");
    while (value && ((value[length] >= '0' && value[length] <= '9') ||
                     (value[length] >= 'a' && value[length] <= 'f')))
        length++;
    if (value && !value[length] && length % 2 == 0)
        ph_add(&aside, value);
}

/* Enforces the policy. Returns 0, or an exit status after printing why. Only the second call, which
 * has a visitor, announces the bypass. */
static int enforce(const struct ph_policy *policy, const struct ph_visitor *visitor,
                   struct ph_report *report)
{
    char message[PH_MESSAGE_SIZE];
    const int status = ph_harden(policy, visitor, report);

    if (status || (report->bypassed && visitor)) {
        ph_message(report, policy, message, sizeof message);
        (status ? ph_complaint : ph_warn)(message);
    }
    return status;
}

/* Enforces the policy that the options request; its first two steps have already been taken. */
static int enforce_options(const struct ph_launcher *launcher, const char *bypass,
                           struct ph_report *report)
{
    const struct ph_visitor visitor = {note_removed, NULL};
    struct ph_policy policy = {PH_DEFAULT_STEPS, 1, removals, options.names[PH_KEEP], bypass,
                               options.has[PH_NO_BYPASS]};
    size_t count = 0;

    for (size_t i = 0; i < OWN_COUNT; i++)
        removals[count++] = own_variables[i];
    for (size_t i = 0; i < options.count[PH_CLEAR]; i++)
        removals[count++] = options.names[PH_CLEAR][i];
    for (size_t i = 0; options.has[PH_STRICT] && strict_variables[i]; i++)
        removals[count++] = strict_variables[i];
    removals[count] = NULL;
    if (launcher->keeps_environment)
        policy.steps &= ~PH_BIT(PH_ENVIRONMENT);
    if (options.has[PH_STRICT] || options.has[PH_SEALED])
        policy.steps |= PH_BIT(PH_NO_NEW_PRIVS);
    if (options.has[PH_SEALED])
        policy.steps |= PH_BIT(PH_SEAL);
    return enforce(&policy, &visitor, report);
}

/* Whether an env line of a script sets the same variable as this entry. */
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

/* Fills in the program's environment: what is left of ours, plus the variables that scripts and
 * this launcher set. Returns the end of the environment, where the entries for our library go. */
static char **fill_environment(char **entries, int is_bypassed)
{
    for (char **at = *ph_platform_environ(); *at; at++)
        if (!is_set_by_script(*at))
            *entries++ = *at;
    for (char **at = program.variables; *at; at++)
        if (is_bypassed || !ph_environment_matches(*at, removals, options.names[PH_KEEP]))
            *entries++ = *at;
        else
            note_name(*at, ph_name_length(*at));
    if (!is_bypassed && aside.length > sizeof PH_SET_ASIDE_VARIABLE)
        *entries++ = set_aside;
    *entries = NULL;
    return entries;
}

/* Whether an error justifies falling back to a method with a launch window. Errors that an attacker
 * can cause from outside (descriptors, memory, limits, signals) do not. */
static int is_refusal(long error)
{
    return error == -EPERM || error == -EACCES || error == -ENOSYS || error == -EINVAL;
}

/* The exit status for an error after which no other method is tried, or 0. */
static int give_up(int method, long error)
{
    if (method == PH_UNREADABLE_FILE && error == -ENOENT)
        return ph_complain(PH_EXIT_CANNOT, program.path,
                           "an unreadable script, whose interpreter cannot be protected: make the"
                           " script readable (or, for an ELF program, its loader is missing)");
    if (error == -ENOEXEC)
        return ph_complain(PH_EXIT_CANNOT, program.path, ph_explain_format(&program));
    return error == -PH_EXIT_CANNOT && options.has[PH_EXPLAIN] ? PH_EXIT_CANNOT : 0;
}

/* Tries the methods in order. Returns an exit status, or does not return.
 * entries, end -- the environment, which has room for one more entry and a null pointer
 * no_library -- why our library is not loaded into the program, or NULL */
static int start(unsigned methods, char **entries, char **end, const char *no_library)
{
    static char buffer[2048]; /* why the methods tried so far cannot be used */
    struct ph_text reasons = PH_TEXT(buffer);
    long error = 0;
    int is_caused = 0; /* an error that another process may have caused */

    ph_add(&reasons, "");
    end[1] = NULL;
    for (int method = 0; method < PH_METHODS && error != -E2BIG; method++) {
        const char *objection, *call;

        if (!(methods & PH_BIT(method)) || (method == PH_PRELOAD && is_caused))
            continue;
        objection = ph_objection((enum ph_method)method, &program, no_library);
        if (!objection) {
            int status;

            if (method == PH_PRELOAD && options.automatic && !options.has[PH_EXPLAIN])
                (void)ph_complain(0, program.path, buffer);
            end[0] = PH_BIT(method) & PH_IN_MEMORY && *own_path ? own_path : NULL;
            error = ph_execute((enum ph_method)method, &program, entries, options.has[PH_EXPLAIN],
                               &call);
            if (!error && options.has[PH_EXPLAIN])
                return ph_explain((enum ph_method)method, &program, &options, no_library, buffer,
                                  removed_names);
            if (!error) /* a faked success */
                error = -EIO;
            status = give_up(method, error);
            if (status)
                return status;
            is_caused |= !is_refusal(error);
            /* A filter that refuses execveat(2) refuses it for every image, so the other errors do
             * not matter. */
            if (ph_equal(call, "execveat") && (error == -EPERM || error == -ENOSYS))
                is_caused = 0;
            objection = ph_call_failed(call, error);
        }
        ph_add(&reasons, reasons.length ? "; cannot use " : "cannot use ");
        ph_add(&reasons, ph_method_names[method].shortly);
        ph_add(&reasons, ": ");
        ph_add(&reasons, objection);
    }
    return ph_complain(PH_EXIT_CANNOT, program.path, buffer);
}

/* The methods to try for this program. */
static unsigned choose_methods(void)
{
    if (program.fd < 0)
        return PH_BIT(PH_UNREADABLE_FILE);
    if (options.methods & PH_STAND_INS &&
        (!program.elf.is_native || (options.has[PH_STRICT] && program.is_writable)))
        return (options.methods & ~PH_STAND_INS) | PH_COPIES;
    return options.methods;
}

static int start_unprotected(char *const *entries)
{
    long error;

    if (options.has[PH_EXPLAIN])
        return ph_explain_bypass(&program);
    error = PH_CALL(SYS_execve, program.path, program.argv, entries);
    return ph_complain(PH_EXIT_CANNOT, program.path, ph_call_failed("execve", error));
}

/* Restores the default action of SIGPIPE and SIGXFSZ, which Python ignores in this process. */
static void reset_signals(void)
{
    ph_reset_signal(SIGPIPE, NULL);
    ph_reset_signal(SIGXFSZ, NULL);
}

/* Finds the program and starts it. The array must have room for PH_SPARE more words
 * before words. */
static int find_and_start(const struct ph_launcher *launcher, char **words, int is_bypassed)
{
    const char *no_library = NULL;
    int status = ph_program_find(&program, words);
    size_t count = 0;

    if (status)
        return status;
    if (program.fd < 0 && program.is_writable && options.has[PH_STRICT])
        return ph_complain(PH_EXIT_CANNOT, program.path,
                           "unreadable, but this user owns it and can make it readable while it"
                           " starts: make root its owner, or make it readable to start a copy");
    if (launcher->ignores_signals && !options.has[PH_EXPLAIN])
        reset_signals();
    if (!is_bypassed && !options.has[PH_EXPLAIN] && ph_was_exposed_unexpectedly())
        (void)ph_complain(0, "harden", PH_EXPOSED_UNEXPECTEDLY);
    if (launcher->keeps_environment)
        no_library = "the program re-executes itself";
    else if (!is_bypassed)
        status = ph_prepare_library(launcher->library, &program, &options, &no_library);
    if (status)
        return status;
    while ((*ph_platform_environ())[count])
        count++;
    {
        char *entries[count + ADDED], **end = fill_environment(entries, is_bypassed);

        if (is_bypassed)
            return start_unprotected(entries);
        if (!no_library || options.has[PH_CHILDREN]) {
            struct ph_text text = PH_TEXT(own_path);

            ph_add(&text, PH_PROGRAM_VARIABLE "=");
            ph_add(&text, program.real);
            end = ph_add_library(entries, end, &program, &options);
        }
        return end ? start(choose_methods(), entries, end, no_library) : PH_EXIT_CANNOT;
    }
}

int ph_launch(const struct ph_launcher *launcher, char **words)
{
    struct ph_policy first = {PH_BIT(PH_INSPECTION) | PH_BIT(PH_CORE_LIMIT), 1, NULL, NULL, NULL, 0};
    struct ph_report report;
    size_t count = 0;
    int status;

    aside = (struct ph_text)PH_TEXT(set_aside);
    removed = (struct ph_text)PH_TEXT(removed_names);
    ph_add(&removed, "");
    *own_path = '\0';
    options = (struct ph_options){.help = launcher->help};
    program = (struct ph_program){0};
    words = ph_parse_options(words, &options);
    if (!words)
        return PH_EXIT_USAGE;
    ph_note_start();
    /* Must come before everything except parsing the options, which can name the bypass
     * variable. */
    first.bypass = ph_choose_bypass(&options, launcher->bypass);
    first.refuse_bypass = options.has[PH_NO_BYPASS];
    status = enforce(&first, NULL, &report);
    if (status)
        return status;
    /* Must come before another file can take over descriptor 1. */
    if (options.has[PH_EXPLAIN] && PH_CALL(SYS_fcntl, 1, F_GETFD) < 0)
        return ph_complain(PH_EXIT_USAGE, "standard output is closed", "cannot print --explain");
    if (options.has[PH_CONFINED] && !launcher->confine)
        return ph_complain(PH_EXIT_USAGE, "--confine", "only the harden command has this option");
    /* Must come before --seal, which would make the test process unreadable. */
    if (options.has[PH_CONFINED] && (status = launcher->confine(options.has[PH_STRICT])))
        return status;
    if (!launcher->keeps_environment) {
        status = ph_take_over_children(&options);
        take_over_set_aside();
    }
    status = status ? status : enforce_options(launcher, first.bypass, &report);
    if (status)
        return status;
    while (words[count])
        count++;
    {
        char *arguments[PH_SPARE + count + 1];

        for (size_t i = 0; i <= count; i++)
            arguments[PH_SPARE + i] = words[i];
        status = find_and_start(launcher, arguments + PH_SPARE, report.bypassed);
        if (program.fd >= 0)
            (void)PH_CALL(SYS_close, program.fd);
        return status;
    }
}
