/* What every file in platform/ must provide, beside ph_status(), ph_expose(),
 * ph_exec_image(), ph_warn() and ph_exit() of hardening.h. CMake compiles exactly one of them;
 * the rest of the core has neither system calls nor #ifdef. */
#ifndef PH_PLATFORM_H
#define PH_PLATFORM_H

#include "hardening.h"

/* Each step returns its outcome; for PH_FAILED it has filled in failure. */
enum ph_outcome ph_platform_inspection(struct ph_failure *failure);
enum ph_outcome ph_platform_core_limit(struct ph_failure *failure);
enum ph_outcome ph_platform_no_new_privs(struct ph_failure *failure);
enum ph_outcome ph_platform_seal(struct ph_failure *failure);

/* PH_ALREADY: no tracer is attached. PH_UNSUPPORTED: cannot be told here. */
enum ph_outcome ph_platform_refuse_tracer(struct ph_failure *failure);

/* Where libc keeps the environment. Never NULL; it may point to NULL. */
char ***ph_platform_environ(void);

/* A run of bytes in this process: empty when start == end. */
struct ph_span {
    char *start;
    char *end;
};

/* The bytes of the environment as the kernel laid them at start and shows them
 * to others; empty: the system shows no such thing. Returns 0, or -1 with
 * failure filled in. */
int ph_platform_environment_block(struct ph_span *block, struct ph_failure *failure);

/* A span that holds that block and perhaps more, such as the arguments, found
 * without asking the kernel: enough to see at once that there is nothing to
 * wipe. Returns 0, or -1 when only the call above can tell. */
int ph_platform_start_strings(struct ph_span *strings);

/* Tells a libc that keeps a list of its own (FreeBSD) that a variable is gone,
 * before it leaves environ. Elsewhere returns 0. On failure an errno value. */
int ph_platform_forget_variable(const char *entry, size_t name_length);

/* Whether the program runs with more rights than its caller has (set-user-ID and the like). */
int ph_platform_privileged(void);

static inline enum ph_outcome ph_fail(struct ph_failure *failure, enum ph_step step,
                                      enum ph_exit_code exit_code, const char *call, int error)
{
    failure->step = step;
    failure->reason = PH_CALL_FAILED;
    failure->exit_code = exit_code;
    failure->call = call;
    failure->error = error;
    failure->value = 0;
    return PH_FAILED;
}

static inline enum ph_outcome ph_fail_read_back(struct ph_failure *failure, enum ph_step step,
                                                enum ph_exit_code exit_code, const char *call,
                                                long value)
{
    ph_fail(failure, step, exit_code, call, 0);
    failure->reason = PH_NOT_IN_FORCE;
    failure->value = value;
    return PH_FAILED;
}

static inline enum ph_outcome ph_fail_traced(struct ph_failure *failure, const char *call,
                                             long tracer)
{
    ph_fail(failure, PH_INSPECTION, PH_EXIT_PTRACE, call, 0);
    failure->reason = PH_TRACED;
    failure->value = tracer;
    return PH_FAILED;
}

#endif
