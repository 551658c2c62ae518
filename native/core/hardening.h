/* The public interface of the core: the steps, their outcomes, and the functions
 * that its callers use: the Python extensions, native/launch/ and native/preload/. The core does
 * not allocate, use stdio or depend on Python. */
#ifndef PH_HARDENING_H
#define PH_HARDENING_H

#include <stddef.h>
#include <stdint.h>

/* The steps, in the order in which they run (specification, FR2 to FR4).
 * harden.c and failure.c have a row for each. */
enum ph_step {
    PH_INSPECTION,   /* processes of the same user cannot debug us or read our memory */
    PH_CORE_LIMIT,   /* RLIMIT_CORE, soft and hard, is 0 */
    PH_ENVIRONMENT,  /* the dynamic loader's variables are removed and wiped */
    PH_NO_NEW_PRIVS, /* exec cannot raise privileges (Linux, FreeBSD) */
    PH_SEAL,         /* only exec and a change of ids can undo PH_INSPECTION (Linux) */
    PH_STEPS
};

/* The names of the steps, as the Python interface spells them. */
extern const char *const ph_step_names[PH_STEPS];

enum ph_outcome {
    PH_SKIPPED,     /* not in the policy, or bypassed */
    PH_APPLIED,     /* done by this call, and read back */
    PH_ALREADY,     /* in force before this call */
    PH_UNSUPPORTED, /* not available on this system */
    PH_FAILED       /* see ph_report.failure */
};

/* The documented exit codes; errors.py describes them. 5 to 8 are those of the steps
 * (specification, FR6, which does not define 8). */
enum ph_exit_code {
    PH_EXIT_USAGE = 2,
    PH_EXIT_INSPECTION = 5,
    PH_EXIT_PTRACE = 6,
    PH_EXIT_CORE_LIMIT = 7,
    PH_EXIT_ENVIRONMENT = 8,
    PH_EXIT_CANNOT = 126,
    PH_EXIT_NOT_FOUND = 127
};

/* The exit code of each step. PH_EXIT_PTRACE is for a tracer and a failed PT_DENY_ATTACH. */
extern const enum ph_exit_code ph_step_exit_codes[PH_STEPS];

enum ph_reason {
    PH_CALL_FAILED,  /* the call returned an error: ph_failure.error */
    PH_NOT_IN_FORCE, /* the call reported success, but reading the value back shows otherwise */
    PH_CONTRADICTED, /* the read-back agreed, but a seccomp filter forged both */
    PH_TRACED,       /* a tracer is attached: ph_failure.value is its pid, or 0 if unknown */
    PH_BYPASS_REFUSED /* the variable in ph_failure.call is 1, and the policy refuses that */
};

struct ph_failure {
    enum ph_step step;
    enum ph_reason reason;
    enum ph_exit_code exit_code;
    int error;        /* an errno value; 0 unless PH_CALL_FAILED */
    long value;       /* what was read back (PH_NOT_IN_FORCE) or the tracer (PH_TRACED) */
    const char *call; /* the call with its arguments, in C notation */
};

/* Variables are selected by NULL-terminated lists of patterns. A pattern is a name; "LD_*" matches
 * every name that starts with LD_, and "NAME=VALUE" matches only that entry. */

/* The loader variables of this system, defined in platform/. */
extern const char *const *const ph_platform_loader_variables;

struct ph_policy {
    unsigned steps;            /* the steps to take: a set of PH_BIT(step) */
    int refuse_tracer;         /* fail with PH_EXIT_PTRACE if a tracer is attached */
    const char *const *remove; /* NULL: ph_platform_loader_variables */
    const char *const *keep;   /* not removed even if remove matches; may be NULL */
    const char *bypass;        /* "NAME": NAME=1 skips every step; NULL: no bypass */
    int refuse_bypass;         /* fail with PH_EXIT_ENVIRONMENT if NAME=1 */
};

#define PH_BIT(step) (1u << (unsigned)(step))
#define PH_DEFAULT_STEPS (PH_BIT(PH_INSPECTION) | PH_BIT(PH_CORE_LIMIT) | PH_BIT(PH_ENVIRONMENT))
#define PH_BYPASS_VARIABLE "CODEX_SKIP_HARDENING"

struct ph_report {
    enum ph_outcome outcome[PH_STEPS];
    int bypassed;
    int seccomp; /* the mode before any seal (Linux); -1: unknown; not 0: there is a filter */
    struct ph_failure failure; /* set only if ph_harden() did not return 0 */
};

/* Called once per variable. entry is "NAME=VALUE"; copy it, because it may be wiped after the call.
 * Returns 0 to continue, or an errno value to stop. */
struct ph_visitor {
    int (*visit)(void *context, const char *entry, size_t name_length);
    void *context;
};

/* Takes the steps of the policy in order and stops at the first failure. Calls removed (may be
 * NULL) for each variable that it removes from environ.
 * Returns 0 or an enum ph_exit_code. Idempotent. Like setenv(3), it is unsafe while another thread
 * uses the environment. */
int ph_harden(const struct ph_policy *policy, const struct ph_visitor *removed,
              struct ph_report *report);

/* Whether the policy's bypass variable takes effect: it is 1, and the program has no more
 * privileges than its caller. */
int ph_bypassed(const struct ph_policy *policy);

/* Each of the next three functions writes one line without a newline into buffer, truncated to size
 * and NUL-terminated. All messages of the core fit in PH_MESSAGE_SIZE bytes. */
#define PH_MESSAGE_SIZE 512
/* The failed call and the reason: "prctl(PR_SET_DUMPABLE, 0) failed: Operation not permitted
 * (EPERM)". */
void ph_describe(const struct ph_failure *failure, char *buffer, size_t size);
/* The line that a process prints before it exits with status. bypass may be NULL. */
void ph_last_words(const char *description, int status, const char *bypass, char *buffer,
                   size_t size);
/* The line for a report: ph_last_words() after a failure, or a warning about the bypass. */
void ph_message(const struct ph_report *report, const struct ph_policy *policy, char *buffer,
                size_t size);

/* Writes line and a newline to standard error, unbuffered. */
void ph_warn(const char *line);

/* Exits immediately; atexit handlers, destructors and Python code do not run. */
_Noreturn void ph_exit(int status);

struct ph_status {
    int dumpable;       /* Linux: 0, 1 or 2 (PR_GET_DUMPABLE); -1: unknown */
    int inspectable;    /* whether processes of the same user can read us; -1: unknown */
    int no_new_privs;   /* 0 or 1; -1: unknown */
    int sealed;         /* whether PH_SEAL is in force; -1: unknown */
    int seccomp;        /* Linux: the mode: 0, 1 or 2 (filter, such as the seal); -1: unknown */
    int64_t tracer_pid; /* of any thread; 0: none; -1: unknown; PH_TRACER_UNNAMED: traced by an unknown process */
    int core_known;     /* whether the two limits below could be read */
    uint64_t core_soft; /* bytes; UINT64_MAX: unlimited */
    uint64_t core_hard;
};
#define PH_TRACER_UNNAMED INT64_MAX

/* Reads the current state from the kernel. Fields that cannot be read are marked unknown. */
void ph_status(struct ph_status *status);

/* Undoes PH_INSPECTION, so that a debugger can attach. Returns 0, or -1 and fills in failure. */
int ph_expose(struct ph_failure *failure);

/* Calls visitor for each variable in environ that matches remove (NULL: the loader
 * variables of this system) but not keep (may be NULL). Returns 0, or -1 if the
 * visitor stopped. */
int ph_environment_visit(const char *const *remove, const char *const *keep,
                         const struct ph_visitor *visitor);

/* The value of the first variable in environ with this name, or NULL. */
const char *ph_environment_value(const char *name);

/* Whether an entry "NAME=VALUE", or a bare "NAME", matches remove (NULL: the loader
 * variables of this system) but not keep (may be NULL). */
int ph_environment_matches(const char *entry, const char *const *remove, const char *const *keep);

/* Calls visitor for each variable of the initial environment that has not been wiped
 * since. Returns 0, or -1 if the visitor stopped (failure->call is NULL) or the
 * initial environment was not found (failure says why). */
int ph_environment_initial(const struct ph_visitor *visitor, struct ph_failure *failure);

/* Whether an entry of environ is still where the kernel put it at exec, which means that it was set
 * when the program started. -1: unknown on this system. */
int ph_environment_is_initial(const char *entry);

/* Sets environ to entries if libc has not set it yet. */
void ph_environment_adopt(char **entries);

#endif
