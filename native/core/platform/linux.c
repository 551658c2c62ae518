/* Linux and Android. System calls bypass libc: linux_syscall.h explains why. */
#define _GNU_SOURCE
#include "../platform.h"
#include "linux_proc.h"
#include "linux_seal.h"
#include "linux_signals.h"
#include "linux_syscall.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static const char *const loader_variables[] = {"LD_*", NULL};
const char *const *const ph_platform_loader_variables = loader_variables;

/* Weak, so that the preload library links without libc. */
extern char **environ __attribute__((weak));
extern unsigned long getauxval(unsigned long type) __attribute__((weak));

char ***ph_platform_environ(void)
{
    static char **none;

    return &environ ? &environ : &none;
}

int ph_platform_forget_variable(const char *entry, size_t name_length)
{
    (void)entry, (void)name_length;
    return 0;
}

int ph_platform_privileged(void)
{
    return getauxval && getauxval(AT_SECURE);
}

static long sys_prctl(int option, long value)
{
    return ph_syscall(SYS_prctl, option, value, 0, 0, 0);
}

/* The seccomp mode of the process before any seal; -1: not checked yet. */
static int first_seccomp = -1;

int ph_platform_seccomp(void)
{
    return first_seccomp;
}

/* Type: prevents inspection and core dumps.
 * Targets: ptrace, process_vm_readv, pidfd_getfd, /proc/PID/mem by processes of the same user.
 * API: prctl(PR_SET_DUMPABLE); execve resets it. A seccomp filter can answer for prctl(2), so the
 * state is confirmed by ph_confirm_dumpable().
 * Errors: exit code 5. Source: PR_SET_DUMPABLE(2const), kernel/ptrace.c __ptrace_may_access. */
enum ph_outcome ph_platform_inspection(struct ph_failure *failure)
{
    static const char call[] = "prctl(PR_SET_DUMPABLE, 0)";
    const long before = sys_prctl(PR_GET_DUMPABLE, 0);
    long error = before ? sys_prctl(PR_SET_DUMPABLE, 0) : 0;
    long dumpable = before ? sys_prctl(PR_GET_DUMPABLE, 0) : 0;

    /* A filter can answer 0 here. If that matters, ph_confirm_dumpable() reads /proc. */
    if (first_seccomp < 0)
        first_seccomp = (int)sys_prctl(PR_GET_SECCOMP, 0);
    if (error)
        return ph_fail(failure, PH_INSPECTION, call, (int)-error);
    if (dumpable < 0)
        return ph_fail(failure, PH_INSPECTION, "prctl(PR_GET_DUMPABLE)", (int)-dumpable);
    if (dumpable)
        return ph_fail_read_back(failure, PH_INSPECTION, call, dumpable);
    dumpable = ph_confirm_dumpable(dumpable);
    if (dumpable < 0)
        return ph_fail(failure, PH_INSPECTION, "reading " PH_OWN_THREAD, EIO);
    if (dumpable)
        return ph_fail_contradicted(failure, PH_INSPECTION, call);
    return before ? PH_APPLIED : PH_ALREADY;
}

/* Reports that /proc could not be read. Our paths are never bad addresses, so EFAULT comes from a
 * tracer that emulates system calls, such as proot, which cannot read the memory of a hardened
 * process. */
static enum ph_outcome fail_proc(struct ph_failure *failure, enum ph_step step, const char *call,
                                 long error)
{
    if (error == -EFAULT)
        return ph_fail_traced(failure, "hardening", 0);
    if (step == PH_INSPECTION)
        return ph_fail_ptrace(failure, call, (int)-error);
    return ph_fail(failure, step, call, (int)-error);
}

/* Type: detects a tracer, which stays attached whatever the other steps do.
 * Targets: debuggers that attached earlier, to any thread; outside our pid namespace, only to this
 * one. API: /proc/self/task/TID/status, TracerPid; ptrace(PTRACE_TRACEME) in a child.
 * Errors: exit code 6. */
enum ph_outcome ph_platform_refuse_tracer(struct ph_failure *failure)
{
    long tracer = ph_read_tracer();

    if (tracer < 0)
        return fail_proc(failure, PH_INSPECTION, "reading /proc/self/task", tracer);
    if (tracer || ph_has_outside_tracer())
        return ph_fail_traced(failure, "hardening", tracer);
    return PH_ALREADY;
}

struct limit {
    uint64_t soft;
    uint64_t hard;
};

/* Returns 0 or a negative errno value. Falls back to /proc if a seccomp profile
 * denies prlimit64(2). Source: proc_pid_limits(5). */
static long read_core_limit(struct limit *limit)
{
    char text[1024];
    long length;
    long error = ph_syscall(SYS_prlimit64, 0, RLIMIT_CORE, 0, (long)limit, 0);
    const char *value;

    if (!error)
        return 0;
    length = ph_read_file("/proc/self/limits", text, sizeof text);
    value = length < 0 ? NULL : ph_find_after(text, "\nMax core file size");
    if (!value)
        return error;
    limit->soft = limit->hard = UINT64_MAX;
    value = ph_parse_number(value, &limit->soft);
    if (value)
        /* "unlimited" is not a number and leaves UINT64_MAX. */
        (void)ph_parse_number(value, &limit->hard);
    return 0;
}

/* Type: prevents core dumps. Targets: core files.
 * API: prlimit64(RLIMIT_CORE); execve keeps it, and lowering it needs no capability.
 * Errors: exit code 7; a failure is ignored if both limits are 0 already.
 * Source: setrlimit(2), core(5). */
enum ph_outcome ph_platform_core_limit(struct ph_failure *failure)
{
    static const char call[] = "setrlimit(RLIMIT_CORE, {0, 0})";
    static const struct limit zero = {0, 0};
    /* Not 0, to detect a seccomp filter that reports success without making the call. */
    struct limit before = {1, 1}, now = {1, 1};
    long error = ph_syscall(SYS_prlimit64, 0, RLIMIT_CORE, (long)&zero, (long)&before, 0);
    long read_error;

    if (!error && !before.soft && !before.hard)
        return PH_ALREADY;
    read_error = read_core_limit(&now);
    if (!read_error && !now.soft && !now.hard)
        return error ? PH_ALREADY : PH_APPLIED;
    if (error)
        return ph_fail(failure, PH_CORE_LIMIT, call, (int)-error);
    if (read_error)
        return ph_fail(failure, PH_CORE_LIMIT, "getrlimit(RLIMIT_CORE)", (int)-read_error);
    return ph_fail_read_back(failure, PH_CORE_LIMIT, call,
                             (long)(now.soft > now.hard ? now.soft : now.hard));
}

/* Type: prevents privilege escalation. Targets: set-user-ID programs and file capabilities.
 * API: prctl(PR_SET_NO_NEW_PRIVS); children inherit it.
 * Errors: exit code 5. Source: PR_SET_NO_NEW_PRIVS(2const). */
enum ph_outcome ph_platform_no_new_privs(struct ph_failure *failure)
{
    static const char call[] = "prctl(PR_SET_NO_NEW_PRIVS, 1)";
    long error, now = sys_prctl(PR_GET_NO_NEW_PRIVS, 0);

    if (now == 1)
        return PH_ALREADY;
    error = sys_prctl(PR_SET_NO_NEW_PRIVS, 1);
    if (error)
        return ph_fail(failure, PH_NO_NEW_PRIVS, call, (int)-error);
    now = sys_prctl(PR_GET_NO_NEW_PRIVS, 0);
    if (now != 1)
        return ph_fail_read_back(failure, PH_NO_NEW_PRIVS, call, now);
    return PH_APPLIED;
}

/* The kernel rejects this value with EINVAL. The seal, checked first, rejects it with EPERM. */
#define INVALID_DUMPABLE 3

static int is_sealed(void)
{
    return sys_prctl(PR_SET_DUMPABLE, INVALID_DUMPABLE) == -EPERM;
}

/* Type: prevents the process from undoing PH_INSPECTION.
 * Targets: crash handlers and sanitizers that call prctl(PR_SET_DUMPABLE, 1); injected code.
 * API: seccomp(SECCOMP_SET_MODE_FILTER) on all threads; fork and execve keep it. Needs
 * no_new_privs. Does not stop the kernel's own resets: execve, a change of ids.
 * Errors: exit code 5. Source: seccomp(2), kernel/sys.c PR_SET_DUMPABLE. */
enum ph_outcome ph_platform_seal(struct ph_failure *failure)
{
    static const char call[] = "seccomp(SECCOMP_SET_MODE_FILTER)";
    static int installed; /* another program's filter can answer the probe as ours does */
    struct ph_thread before, after;
    long result, unread;

    if (installed && is_sealed())
        return PH_ALREADY;
    unread = ph_read_thread(PH_OWN_THREAD, &before);
    result = ph_syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAGS,
                        (long)&ph_seal_program, 0, 0);
    if (result) /* positive: the id of a thread that could not be synchronized */
        return ph_fail(failure, PH_SEAL, call, result < 0 ? (int)-result : EBUSY);
    if (!is_sealed())
        return ph_fail_read_back(failure, PH_SEAL, call, 0);
    /* The first filter changes the mode. No filter can fake the new mode, which is greater than 0:
     * a filter can only return 0 or an error. */
    if (first_seccomp || sys_prctl(PR_GET_SECCOMP, 0) != SECCOMP_MODE_FILTER) {
        unread = unread ? unread : ph_read_thread(PH_OWN_THREAD, &after);
        if (unread)
            return ph_fail(failure, PH_SEAL, "reading " PH_OWN_THREAD, (int)-unread);
        if (before.filters >= 0 && after.filters <= before.filters)
            return ph_fail_contradicted(failure, PH_SEAL, call);
    }
    installed = 1;
    return PH_APPLIED;
}

#ifndef PR_SET_PTRACER
#define PR_SET_PTRACER 0x59616d61 /* Yama */
#endif

/* Type: undoes ph_platform_inspection().
 * Targets: lets debuggers of the same user attach, whether or not Yama restricts them.
 * API: prctl(PR_SET_DUMPABLE), prctl(PR_SET_PTRACER).
 * Errors: EPERM from the seal. Source: PR_SET_DUMPABLE(2const), PR_SET_PTRACER(2const). */
int ph_expose(struct ph_failure *failure)
{
    static const char call[] = "prctl(PR_SET_DUMPABLE, 1)";
    long error = sys_prctl(PR_SET_DUMPABLE, 1);
    long dumpable = sys_prctl(PR_GET_DUMPABLE, 0);

    if (error) {
        ph_fail(failure, PH_INSPECTION, call, (int)-error);
        return -1;
    }
    if (dumpable != 1) {
        ph_fail_read_back(failure, PH_INSPECTION, call, dumpable);
        return -1;
    }
    /* Fails with EINVAL on a kernel without Yama, where there is no restriction to lift. */
    (void)sys_prctl(PR_SET_PTRACER, -1);
    return 0;
}

/* Type: finds the initial environment.
 * Targets: /proc/PID/environ, which shows the bytes between two fixed addresses.
 * API: /proc/self/stat, fields 50 and 51. Errors: exit code 8. Source: proc_pid_stat(5). */
int ph_platform_environment_block(struct ph_span *block, struct ph_failure *failure)
{
    uint64_t address[2] = {0, 0};
    long error = ph_read_stat(50, address, 2);

    if (!error && (!address[0] || address[1] < address[0]))
        error = -ENOSYS;
    if (error) {
        (void)fail_proc(failure, PH_ENVIRONMENT, "reading /proc/self/stat", error);
        return -1;
    }
    block->start = (char *)(uintptr_t)address[0];
    block->end = (char *)(uintptr_t)address[1];
    return 0;
}

void ph_status(struct ph_status *status)
{
    struct limit limit = {0, 0};
    struct ph_thread own;
    const long unreadable = ph_read_thread(PH_OWN_THREAD, &own);
    const long dumpable = ph_confirm_dumpable(sys_prctl(PR_GET_DUMPABLE, 0));
    const long no_new_privs = sys_prctl(PR_GET_NO_NEW_PRIVS, 0);
    const long tracer = ph_read_tracer();

    status->dumpable = dumpable < 0 ? -1 : (int)dumpable;
    status->inspectable = dumpable < 0 ? -1 : dumpable == 1;
    status->seccomp = unreadable ? -1 : own.seccomp;
    status->no_new_privs = no_new_privs < 0 ? -1 : (int)no_new_privs;
    status->sealed = is_sealed();
    status->tracer_pid = tracer < 0 ? -1 : tracer;
    status->core_known = !read_core_limit(&limit);
    status->core_soft = limit.soft;
    status->core_hard = limit.hard;
}

void ph_warn(const char *line)
{
    size_t length = 0;

    while (line[length])
        length++;
    /* Errors are ignored: if standard error is closed, there is no other place to write to. */
    (void)ph_write_output(2, line, length);
    (void)ph_write_output(2, "\n", 1);
}

void ph_exit(int status)
{
    for (;;) {
        (void)ph_syscall(SYS_exit_group, status, 0, 0, 0, 0);
        __builtin_trap(); /* a seccomp filter faked the exit */
    }
}
