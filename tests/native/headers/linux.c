/* The constants that the Linux files define themselves, since not every libc has a header. */
#define _GNU_SOURCE
#include "expect.h"

#include <sys/prctl.h>
#include <sys/resource.h>

/* musl-gcc does not see the kernel's headers. */
#if __has_include(<linux/capability.h>)
#include <linux/capability.h>
#include <linux/memfd.h>
VALUE(_LINUX_CAPABILITY_VERSION_3, 0x20080522);
VALUE(sizeof(struct __user_cap_header_struct), 8);
VALUE(sizeof(struct __user_cap_data_struct), 12);
VALUE(CAP_DAC_OVERRIDE, 1);
VALUE(CAP_DAC_READ_SEARCH, 2);
#ifdef MFD_EXEC /* Linux 6.3 */
VALUE(MFD_EXEC, 0x10);
#endif
#endif
VALUE(RLIMIT_CORE, 4);
VALUE(PR_SET_DUMPABLE, 4);
