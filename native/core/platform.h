/* What each system's file in platform/ provides, in addition to ph_status(), ph_expose(),
 * ph_warn() and ph_exit() of hardening.h. CMake compiles the files of one system;
 * the rest of the core has no system calls and no #ifdef. */
#ifndef PH_PLATFORM_H
#define PH_PLATFORM_H

#include "hardening.h"

/* Each step returns its outcome, and fills in failure if the outcome is PH_FAILED. */
enum ph_outcome ph_platform_inspection(struct ph_failure *failure);
enum ph_outcome ph_platform_core_limit(struct ph_failure *failure);
enum ph_outcome ph_platform_no_new_privs(struct ph_failure *failure);
enum ph_outcome ph_platform_seal(struct ph_failure *failure);

/* The seccomp mode when the process was first checked, before any seal; 0: no filter, or no seccomp
 * on this system; -1: not checked. */
int ph_platform_seccomp(void);

/* PH_ALREADY: no tracer is attached. PH_UNSUPPORTED: this system does not report tracers. */
enum ph_outcome ph_platform_refuse_tracer(struct ph_failure *failure);

/* The address of libc's environ. Never NULL; it may point to NULL. */
char ***ph_platform_environ(void);

/* A range of bytes in this process; empty if start == end. */
struct ph_span {
    char *start;
    char *end;
};

/* Finds the initial environment: the strings that the kernel put on the stack at exec and shows to
 * other processes. block is empty if the system does not show them. Returns 0, or -1 and
 * fills in failure. */
int ph_platform_environment_block(struct ph_span *block, struct ph_failure *failure);

/* Finds, without a system call, a range that includes the initial environment and
 * perhaps the arguments: initial_block.c explains why. Returns 0, or -1 if it cannot find one. */
int ph_platform_start_strings(struct ph_span *strings);

/* Removes a variable from a list that libc keeps in addition to environ (FreeBSD); called before
 * the variable is removed from environ. Returns 0 or an errno value. */
int ph_platform_forget_variable(const char *entry, size_t name_length);

/* Whether the program has more privileges than its caller (set-user-ID and similar). */
int ph_platform_privileged(void);

/* Each of the next functions fills in failure and returns PH_FAILED. */
enum ph_outcome ph_fail(struct ph_failure *failure, enum ph_step step, const char *call, int error);
/* The call succeeded, but reading the state back returned value instead. */
enum ph_outcome ph_fail_read_back(struct ph_failure *failure, enum ph_step step, const char *call,
                                  long value);
/* Both the call and the read-back succeeded, but a filter forged the state. */
enum ph_outcome ph_fail_contradicted(struct ph_failure *failure, enum ph_step step,
                                     const char *call);
/* A call that detects or denies tracers failed. */
enum ph_outcome ph_fail_ptrace(struct ph_failure *failure, const char *call, int error);
/* A tracer is attached; tracer is 0 if its pid is unknown. */
enum ph_outcome ph_fail_traced(struct ph_failure *failure, const char *call, long tracer);
enum ph_outcome ph_fail_bypass(struct ph_failure *failure, const char *variable);

#endif
