/* The ids of this process. The first calls of 32-bit architectures return 16 bits, and 65534 for a
 * greater id. */
#ifndef PH_LINUX_IDS_H
#define PH_LINUX_IDS_H

#include "linux_syscall.h"

#include <stdint.h>

/* The call that returns 32-bit ids on this architecture. */
#ifdef SYS_geteuid32
#define PH_IDS_CALL(name) SYS_##name##32
#else
#define PH_IDS_CALL(name) SYS_##name
#endif

static inline uint32_t ph_real_user(void)
{
    return (uint32_t)PH_CALL(PH_IDS_CALL(getuid));
}

static inline uint32_t ph_effective_user(void)
{
    return (uint32_t)PH_CALL(PH_IDS_CALL(geteuid));
}

static inline uint32_t ph_effective_group(void)
{
    return (uint32_t)PH_CALL(PH_IDS_CALL(getegid));
}

#endif
