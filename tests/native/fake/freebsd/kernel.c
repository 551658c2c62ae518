#include "../fake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/exec.h>
#include <sys/procctl.h>
#include <sys/sysctl.h>
#include <unistd.h>

static int trace_disabled;
static int no_new_privs;

void fake_kernel_start(void)
{
    struct ps_strings *strings = fake_stack.top;

    trace_disabled = fake_world.trace_disabled;
    no_new_privs = fake_world.no_new_privs;
    strings->ps_argvstr = fake_stack.argv;
    strings->ps_nargvstr = (unsigned)fake_stack.argc;
    strings->ps_envstr = fake_stack.envp;
    strings->ps_nenvstr = (unsigned)fake_stack.envc;
}

static int trace_control(int state)
{
    if (fake_world.tracer || fake_world.ktraced) {
        errno = EBUSY;
        return -1;
    }
    trace_disabled = state == PROC_TRACE_CTL_DISABLE_EXEC;
    return 0;
}

int procctl(idtype_t type, id_t id, int command, void *data)
{
    static const char *const names[] = {
        [PROC_TRACE_CTL] = "PROC_TRACE_CTL",
        [PROC_TRACE_STATUS] = "PROC_TRACE_STATUS",
        [PROC_NO_NEW_PRIVS_CTL] = "PROC_NO_NEW_PRIVS_CTL",
        [PROC_NO_NEW_PRIVS_STATUS] = "PROC_NO_NEW_PRIVS_STATUS",
    };
    int *value = data;
    int set = command == PROC_TRACE_CTL || command == PROC_NO_NEW_PRIVS_CTL;
    char text[80];
    enum fake_effect effect;

    if (type != P_PID || id != (id_t)getpid()) {
        fake_log_add("procctl(?)");
        errno = EINVAL;
        return -1;
    }
    if (set)
        snprintf(text, sizeof text, "procctl(%s, %d)", names[command], *value);
    else
        snprintf(text, sizeof text, "procctl(%s)", names[command]);
    effect = fake_call(text);
    if (effect != FAKE_WORKS)
        return effect == FAKE_FAILS ? -1 : 0;
    switch (command) {
    case PROC_TRACE_CTL:
        return trace_control(*value);
    case PROC_TRACE_STATUS:
        *value = trace_disabled ? -1 : fake_world.tracer;
        break;
    case PROC_NO_NEW_PRIVS_CTL:
        no_new_privs = *value == PROC_NO_NEW_PRIVS_ENABLE;
        break;
    default:
        *value = no_new_privs ? PROC_NO_NEW_PRIVS_ENABLE : PROC_NO_NEW_PRIVS_DISABLE;
    }
    return 0;
}

int sysctlbyname(const char *name, void *old, size_t *old_size, const void *new, size_t new_size)
{
    char text[80];
    enum fake_effect effect;

    snprintf(text, sizeof text, "sysctlbyname(%s)", name);
    effect = fake_call(text);
    if (effect != FAKE_WORKS)
        return effect == FAKE_FAILS ? -1 : 0;
    if (strcmp(name, "kern.ps_strings") || *old_size != sizeof(unsigned long) || new || new_size) {
        errno = ENOENT;
        return -1;
    }
    *(unsigned long *)old = (unsigned long)fake_stack.top;
    return 0;
}
