/* Starting a program that cannot be inspected from its first instruction. */
#ifndef PH_IMAGE_H
#define PH_IMAGE_H

#include "../core/hardening.h"

/* Replaces this process by the ELF program that image_fd contains: a sealed copy in memory that nobody may read, so that the kernel makes
 * the process non-dumpable at exec. The kernel shows it as memfd:NAME. Returns only
 * on failure, with the call and errno in failure, and nothing else changed. ENOSYS
 * on systems other than Linux. */
void ph_exec_image(int image_fd, const char *name, char *const argv[], char *const envp[],
                   struct ph_failure *failure);

#endif
