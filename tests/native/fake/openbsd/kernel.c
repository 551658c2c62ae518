#include "../fake.h"

#include <errno.h>
#include <string.h>
#include <sys/exec.h>
#include <sys/proc.h>
#include <sys/sysctl.h>
#include <unistd.h>
#include <uvm/uvmexp.h>

void fake_kernel_start(void)
{
    struct ps_strings *strings = fake_stack.top;

    strings->ps_argvstr = fake_stack.argv;
    strings->ps_nargvstr = fake_stack.argc;
    strings->ps_envstr = fake_stack.envp;
    strings->ps_nenvstr = fake_stack.envc;
}

int sysctl(const int *name, unsigned length, void *old, size_t *old_size, void *new,
           size_t new_size)
{
    int where = length == 2 && name[0] == CTL_VM && name[1] == VM_PSSTRINGS &&
                *old_size == sizeof(struct _ps_strings);
    int process = length == 6 && name[0] == CTL_KERN && name[1] == KERN_PROC &&
                  name[2] == KERN_PROC_PID && name[3] == getpid() &&
                  name[4] == (int)*old_size && name[5] == 1 &&
                  *old_size == sizeof(struct kinfo_proc);
    enum fake_effect effect;

    if ((!where && !process) || new || new_size) {
        fake_log_add("sysctl(?)");
        errno = EINVAL;
        return -1;
    }
    effect = fake_call(where ? "sysctl(VM_PSSTRINGS)" : "sysctl(KERN_PROC_PID)");
    if (effect == FAKE_FAILS)
        return -1;
    if (effect == FAKE_PRETENDS) {
        *old_size = 0;
    } else if (where) {
        ((struct _ps_strings *)old)->val = fake_stack.top;
    } else {
        struct kinfo_proc *self = old;

        memset(self, 0, sizeof *self);
        self->p_psflags = fake_world.tracer ? PS_TRACED | 0x2 : 0x2;
        self->p_ppid = fake_world.tracer ? fake_world.tracer : 1000;
    }
    return 0;
}
