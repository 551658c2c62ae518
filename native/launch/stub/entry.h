/* The function that each architecture's file in entry/ calls, and how to exit. */
#ifndef PH_ENTRY_H
#define PH_ENTRY_H

#include "../../core/platform/linux_syscall.h"

#include <stdint.h>

/* The program itself, called with the stack as the kernel left it: argc, argv, envp, auxv. Returns
 * the address to jump to. Before the jump, _start restores the stack and sets the registers as the
 * kernel would. */
uintptr_t ph_start(uintptr_t *stack);

static inline _Noreturn void ph_quit(long status)
{
    for (;;) {
        (void)PH_CALL(SYS_exit_group, status);
        __builtin_trap(); /* a seccomp filter faked the exit */
    }
}

#endif
