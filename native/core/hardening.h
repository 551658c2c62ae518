/* The whole contract of the core: what a step is, what may come of it, and the
 * calls that python.c and preload.c make. Nothing here allocates, uses stdio
 * or knows Python. */
#ifndef PH_HARDENING_H
#define PH_HARDENING_H

#include <stddef.h>
#include <stdint.h>

/* The steps, in the order in which they run (specification, FR2 to FR4). */
enum ph_step {
    PH_INSPECTION,   /* no debugger, no /proc/PID/mem for processes of the same user */
    PH_CORE_LIMIT,   /* RLIMIT_CORE, soft and hard, is 0 */
    PH_ENVIRONMENT,  /* the dynamic loader's variables are gone, their bytes too */
    PH_NO_NEW_PRIVS, /* exec can no longer raise privileges (Linux) */
    PH_SEAL,         /* nothing can undo PH_INSPECTION but exec and a change of ids (Linux) */
    PH_STEPS
};

enum ph_outcome {
    PH_SKIPPED,     /* the policy leaves it out, or the bypass variable was set */
    PH_APPLIED,     /* done now, and read back */
    PH_ALREADY,     /* was in place before */
    PH_UNSUPPORTED, /* this system has no such thing */
    PH_FAILED       /* ph_report.failure says why */
};

/* The documented exit codes (specification, FR6; 8 is ours). */
enum ph_exit_code {
    PH_EXIT_INSPECTION = 5,
    PH_EXIT_PTRACE = 6,
    PH_EXIT_CORE_LIMIT = 7,
    PH_EXIT_ENVIRONMENT = 8
};

enum ph_reason {
    PH_CALL_FAILED,  /* the call returned an error: ph_failure.error */
    PH_NOT_IN_FORCE, /* the call reported success; read back, it is not so */
    PH_TRACED        /* a tracer is attached: ph_failure.value is its pid, or 0 where none is told */
};

struct ph_failure {
    enum ph_step step;
    enum ph_reason reason;
    enum ph_exit_code exit_code;
    int error;        /* an errno value; 0 unless PH_CALL_FAILED */
    long value;       /* what was read back (PH_NOT_IN_FORCE) or the tracer (PH_TRACED) */
    const char *call; /* the call with its arguments, as one would write it in C */
};

/* Patterns are NULL-terminated lists of variable names. "LD_*" is every name
 * that starts with LD_; a pattern with a "=" in it is one whole entry. */

/* The loader variables of this system; each file in platform/ has its own. */
extern const char *const *const ph_platform_loader_variables;

struct ph_policy {
    unsigned steps;            /* the steps to take: a set of PH_BIT(step) */
    int refuse_tracer;         /* fail with PH_EXIT_PTRACE when a tracer is attached */
    const char *const *remove; /* NULL: ph_platform_loader_variables */
    const char *const *keep;   /* exceptions from remove; may be NULL */
    const char *bypass;        /* "NAME": NAME=1 skips every step; NULL: no such way out */
};

#define PH_BIT(step) (1u << (unsigned)(step))
#define PH_DEFAULT_STEPS (PH_BIT(PH_INSPECTION) | PH_BIT(PH_CORE_LIMIT) | PH_BIT(PH_ENVIRONMENT))
#define PH_BYPASS_VARIABLE "CODEX_SKIP_HARDENING"
/* Told to preload.c: with the value 1, to stay in LD_PRELOAD for the children too; and the
 * variables to leave alone, patterns joined by ":". */
#define PH_CHILDREN_VARIABLE "PROCESS_HARDENING_CHILDREN"
#define PH_KEEP_VARIABLE "PROCESS_HARDENING_KEEP"

struct ph_report {
    enum ph_outcome outcome[PH_STEPS];
    int bypassed;
    struct ph_failure failure; /* meaningful only when ph_harden() did not return 0 */
};

/* Is told of each variable; entry is "NAME=VALUE" and is wiped after the call.
 * Returns 0, or -1 to stop with ENOMEM. */
struct ph_visitor {
    int (*visit)(void *context, const char *entry, size_t name_length);
    void *context;
};

/* Takes the steps of the policy in order and stops at the first that fails.
 * Tells removed (may be NULL) each live variable that it takes out.
 * Returns 0 or an enum ph_exit_code. Idempotent. Not for use while another
 * thread changes the environment, as setenv(3) is not. */
int ph_harden(const struct ph_policy *policy, const struct ph_visitor *removed,
              struct ph_report *report);

/* Whether the policy's bypass variable is in force: set to 1, and the program
 * runs with no more rights than its caller. */
int ph_bypassed(const struct ph_policy *policy);

/* Three texts, written into buffer without a newline, NUL-terminated, cut to
 * size. They return the length. PH_MESSAGE_SIZE is enough for the core's own. */
#define PH_MESSAGE_SIZE 512
/* What failed and why: "prctl(PR_SET_DUMPABLE, 0) failed: Operation not permitted (EPERM)". */
size_t ph_describe(const struct ph_failure *failure, char *buffer, size_t size);
/* The last line of a process that ends because of it. bypass may be NULL. */
size_t ph_last_words(const char *description, int status, const char *bypass, char *buffer,
                     size_t size);
/* The line for a report: the last words after a failure, or the warning that the bypass is on. */
size_t ph_message(const struct ph_report *report, const struct ph_policy *policy, char *buffer,
                  size_t size);

/* Writes line and a newline to standard error with as few layers as the system allows. */
void ph_warn(const char *line);

/* Ends the process now: no atexit handler, destructor or Python frame runs. */
_Noreturn void ph_exit(int status);

struct ph_status {
    int dumpable;     /* Linux: 0, 1 or 2 (PR_GET_DUMPABLE); -1: not known here */
    int inspectable;  /* 1: a process of the same user may read us; 0: it may not; -1: not known here */
    int no_new_privs; /* 0 or 1; -1: not known here */
    int sealed;       /* whether PH_SEAL is in force; -1: not known here */
    int64_t tracer_pid; /* 0: none; -1: not known here; PH_TRACER_UNNAMED: there is one, the system does not say which */
    int core_known;     /* whether the two limits below could be read */
    uint64_t core_soft; /* bytes; UINT64_MAX: unlimited */
    uint64_t core_hard;
};
#define PH_TRACER_UNNAMED INT64_MAX

/* Reads the state from the kernel, now. What cannot be read is marked so. */
void ph_status(struct ph_status *status);

/* Undoes PH_INSPECTION, for a debugger of the same user. Returns 0, or -1 with failure filled in. */
int ph_expose(struct ph_failure *failure);

/* Tells visitor each live variable that remove (NULL: the loader variables of
 * this system) names and keep (may be NULL) does not. Returns 0, or -1 when
 * the visitor stopped. */
int ph_environment_visit(const char *const *remove, const char *const *keep,
                         const struct ph_visitor *visitor);

/* Whether an entry "NAME=VALUE", or a mere "NAME", is one of those that remove
 * (NULL: the loader variables of this system) names and keep (may be NULL) does not. */
int ph_environment_matches(const char *entry, const char *const *remove, const char *const *keep);

/* Tells visitor each variable of the environment as the kernel laid it at
 * start, less what was wiped since. Returns 0, or -1 when the visitor stopped
 * (failure->call is NULL) or the place could not be learnt (failure says why). */
int ph_environment_initial(const struct ph_visitor *visitor, struct ph_failure *failure);

/* For a start so early that libc has not set environ yet: these entries then
 * are the environment. Does nothing when there is one. */
void ph_environment_adopt(char **entries);

/* Replaces this process by the ELF image readable from image_fd, started in
 * such a way that it is non-dumpable before its first instruction: a sealed
 * copy in memory that nobody, its owner included, may read (Linux).
 * name is what the kernel shows for it (memfd:NAME). Returns only on failure,
 * with the failed call and errno in failure, and nothing changed. */
void ph_exec_image(int image_fd, const char *name, char *const argv[], char *const envp[],
                   struct ph_failure *failure);

#endif
