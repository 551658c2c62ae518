/* macOS. PT_DENY_ATTACH cannot be read back: the kernel has no call for it. */
#include "posix.h"

#include <crt_externs.h>
#include <sys/sysctl.h>

#if __has_include(<sys/ptrace.h>)
#include <sys/ptrace.h>
#else
int ptrace(int request, pid_t pid, char *address, int data);
#define PT_DENY_ATTACH 31
#endif
_Static_assert(PT_DENY_ATTACH == 31, "as defined above");

static const char *const loader_variables[] = {"DYLD_*", NULL};
const char *const *const ph_platform_loader_variables = loader_variables;

static const char deny_attach[] = "ptrace(PT_DENY_ATTACH, 0, 0, 0)";
static const char ask_tracer[] = "sysctl(KERN_PROC_PID)";

/* The pid of the process that called ptrace(PT_DENY_ATTACH), whose effect forked children do not
 * inherit. */
static pid_t denied;

/* The arguments of main(), and what follows the environment on the stack. */
static struct {
    int argc;
    char **argv;
    char **apple;
} started;

/* dyld passes these to the constructors of dylibs too (dyld/Loader.cpp findAndRunAllInitializers).
 * Not static, since a test calls it in place of dyld. */
__attribute__((constructor)) void ph_macos_started(int argc, char **argv, char **envp,
                                                   char **apple);
void ph_macos_started(int argc, char **argv, char **envp, char **apple)
{
    (void)envp;
    started.argc = argc;
    started.argv = argv;
    started.apple = apple;
}

char ***ph_platform_environ(void)
{
    return _NSGetEnviron();
}

int ph_platform_forget_variable(const char *entry, size_t name_length)
{
    (void)entry, (void)name_length;
    return 0;
}

/* Returns the pid of the tracer, or 0; on failure, returns -1 and sets errno.
 * Source: bsd/kern/kern_sysctl.c fill_user64_proc, mach_process.c PT_ATTACH (it reparents). */
static int64_t read_tracer(void)
{
    int name[] = {CTL_KERN, KERN_PROC, KERN_PROC_PID, getpid()};
    struct kinfo_proc self;
    size_t size = sizeof self;

    if (sysctl(name, 4, &self, &size, NULL, 0))
        return -1;
    if (size < sizeof self) {
        errno = ESRCH;
        return -1;
    }
    return posix_tracer(self.kp_proc.p_flag & P_TRACED, self.kp_eproc.e_ppid);
}

/* Type: prevents debuggers from attaching.
 * Targets: ptrace(PT_ATTACHEXC), lldb, dtrace; not task_for_pid(), which ignores it.
 * API: ptrace(PT_DENY_ATTACH); execve keeps it. If a tracer is attached, the call does not return:
 * the process exits with status 45. So check for a tracer first.
 * Errors: exit code 6. Source: ptrace(2), bsd/kern/mach_process.c. */
enum ph_outcome ph_platform_inspection(struct ph_failure *failure)
{
    enum ph_outcome outcome = posix_refuse(failure, read_tracer(), deny_attach, ask_tracer);
    int already = denied == getpid();

    if (outcome == PH_FAILED)
        return outcome;
    if (ptrace(PT_DENY_ATTACH, 0, 0, 0))
        return ph_fail_ptrace(failure, deny_attach, errno);
    denied = getpid();
    return already ? PH_ALREADY : PH_APPLIED;
}

/* Type: detects a tracer. Targets: debuggers that attached earlier.
 * API: sysctl(KERN_PROC_PID), P_TRACED. Errors: exit code 6. Source: sysctl(3), sys/proc.h. */
enum ph_outcome ph_platform_refuse_tracer(struct ph_failure *failure)
{
    return posix_refuse(failure, read_tracer(), "hardening", ask_tracer);
}

enum ph_outcome ph_platform_no_new_privs(struct ph_failure *failure)
{
    (void)failure;
    return PH_UNSUPPORTED;
}

static char *after_string(char *string, const char *limit)
{
    while (string < limit && *string)
        string++;
    return string < limit ? string + 1 : string;
}

/* sysctl(KERN_PROCARGS2) shows the stack: the program's path (apple[0]), argv, the
 * environment, and the rest of apple. argv and apple give the bounds, since setenv(3)
 * and unsetenv(3) modify envp.
 * Source: bsd/kern/kern_exec.c exec_copyout_strings, kern_sysctl.c sysctl_procargsx. */
int ph_platform_environment_block(struct ph_span *block, struct ph_failure *failure)
{
    char *low = started.apple ? started.apple[0] : NULL;
    char *high = low ? started.apple[1] : NULL;

    if (!low || (uintptr_t)high <= (uintptr_t)low) {
        ph_fail(failure, PH_ENVIRONMENT, "finding the initial environment", ENOSYS);
        return -1;
    }
    block->start = after_string(low, high);
    block->end = high;
    for (int i = 0; i < started.argc; i++) {
        char *argument = started.argv[i];

        if ((uintptr_t)argument >= (uintptr_t)block->start &&
            (uintptr_t)argument < (uintptr_t)high)
            block->start = after_string(argument, high);
    }
    return 0;
}

/* inspectable stays unknown: task_for_pid() ignores PT_DENY_ATTACH. */
void ph_status(struct ph_status *status)
{
    posix_status(status);
    status->tracer_pid = read_tracer();
}
