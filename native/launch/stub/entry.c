/* The first instructions of the stub, the helper and the launcher. */
#include "../../core/memory.h"

#if defined __x86_64__ && !defined __ILP32__
#include "entry/x86_64.h"
#elif defined __i386__
#include "entry/i386.h"
#elif defined __aarch64__
#include "entry/aarch64.h"
#elif defined __arm__
#include "entry/arm.h"
#elif defined __riscv && __riscv_xlen == 64
#include "entry/riscv64.h"
#elif defined __s390x__
#include "entry/s390x.h"
#else
#error "write the entry of this architecture in entry/: see elf(5), syscall(2) and its psABI"
#endif
