#include "../fake.h"

#include <crt_externs.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/sysctl.h>
#include <unistd.h>

void ph_macos_started(int argc, char **argv, char **envp, char **apple);

void fake_kernel_start(void)
{
    /* A fault simulates a dyld that does not pass the apple strings. */
    int passed = fake_call("dyld") == FAKE_WORKS;

    ph_macos_started(fake_stack.argc, fake_stack.argv, fake_stack.envp,
                     passed ? fake_stack.apple : NULL);
    fake_log[0] = '\0';
}

char ***_NSGetEnviron(void)
{
    return &fake_environ;
}

int ptrace(int request, pid_t pid, char *address, int data)
{
    char text[80];

    snprintf(text, sizeof text, "ptrace(%d, %d, %d, %d)", request, (int)pid, address != NULL, data);
    if (fake_call(text) == FAKE_FAILS)
        return -1;
    if (fake_world.tracer)
        fake_log_add("the kernel ends the process with status 45");
    return 0;
}

int sysctl(int *name, unsigned length, void *old, size_t *old_size, void *new, size_t new_size)
{
    struct kinfo_proc *process = old;
    enum fake_effect effect;

    if (length != 4 || name[0] != CTL_KERN || name[1] != KERN_PROC || name[2] != KERN_PROC_PID ||
        name[3] != getpid() || *old_size != sizeof *process || new || new_size) {
        fake_log_add("sysctl(?)");
        errno = EINVAL;
        return -1;
    }
    effect = fake_call("sysctl(KERN_PROC_PID)");
    if (effect == FAKE_FAILS)
        return -1;
    if (effect == FAKE_PRETENDS) {
        *old_size = 0;
        return 0;
    }
    memset(process, 0, sizeof *process);
    process->kp_proc.p_flag = fake_world.tracer ? P_TRACED | 0x4004 : 0x4004;
    process->kp_eproc.e_ppid = fake_world.tracer ? fake_world.tracer : 1000;
    return 0;
}
