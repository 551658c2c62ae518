/* What each architecture's file in entry/ gives. */
#ifndef PH_ENTRY_H
#define PH_ENTRY_H

#include <stdint.h>

/* The program of this folder, called with the stack as the kernel left it: argc, argv, envp, auxv.
 * What it returns is jumped to, with that stack and the registers as the kernel leaves them. */
uintptr_t ph_start(uintptr_t *stack);

/* mmap(2). Returns an address or a negative errno value. */
long ph_map(uintptr_t address, uintptr_t length, int protection, int flags, long fd,
            uint64_t offset);

#endif
