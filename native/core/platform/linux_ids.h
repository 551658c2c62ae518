/* The ids of this process. The first calls of 32-bit architectures return 16 bits, and the overflow
 * id for a greater one. */
#ifndef PH_LINUX_IDS_H
#define PH_LINUX_IDS_H

#include "linux_syscall.h"

#include <stdint.h>

/* Stands for an id that the user namespace does not map; also nobody's. */
#define PH_OVERFLOW_ID 65534

/* One half of the sets of capget(2) and capset(2), for which musl has no header. */
struct ph_capabilities {
    uint32_t effective, permitted, inheritable;
};
#define PH_CAPABILITY_VERSION 0x20080522 /* _LINUX_CAPABILITY_VERSION_3 */

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
