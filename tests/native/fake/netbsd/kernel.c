#include "../fake.h"

#include <errno.h>
#include <string.h>
#include <sys/exec.h>
#include <sys/sysctl.h>
#include <unistd.h>

struct ps_strings *__ps_strings;

void fake_kernel_start(void)
{
    struct ps_strings *strings = fake_stack.top;

    strings->ps_argvstr = fake_stack.argv;
    strings->ps_nargvstr = fake_stack.argc;
    strings->ps_envstr = fake_stack.envp;
    strings->ps_nenvstr = fake_stack.envc;
    /* A fault simulates a process whose crt0, which sets it, has not run yet. */
    __ps_strings = fake_call("crt0") == FAKE_FAILS ? NULL : strings;
    fake_log[0] = '\0';
}

int sysctl(const int *name, unsigned length, void *old, size_t *old_size, const void *new,
           size_t new_size)
{
    struct kinfo_proc2 *self = old;
    enum fake_effect effect;

    if (length != 6 || name[0] != CTL_KERN || name[1] != KERN_PROC2 || name[2] != KERN_PROC_PID ||
        name[3] != getpid() || name[4] != (int)sizeof *self || name[5] != 1 ||
        *old_size != sizeof *self || new || new_size) {
        fake_log_add("sysctl(?)");
        errno = EINVAL;
        return -1;
    }
    effect = fake_call("sysctl(KERN_PROC2)");
    if (effect == FAKE_FAILS)
        return -1;
    if (effect == FAKE_PRETENDS) {
        *old_size = 0;
        return 0;
    }
    memset(self, 0, sizeof *self);
    self->p_flag = fake_world.tracer ? P_TRACED | 0x2 : 0x2;
    self->p_ppid = fake_world.tracer ? fake_world.tracer : 1000;
    return 0;
}
