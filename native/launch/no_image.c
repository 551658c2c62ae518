/* Systems other than Linux, where exec of an unreadable file changes nothing. */
#include "image.h"
#include "../core/platform.h"

#include <errno.h>

void ph_exec_image(int image_fd, const char *name, char *const argv[], char *const envp[],
                   struct ph_failure *failure)
{
    (void)image_fd, (void)name, (void)argv, (void)envp;
    ph_fail(failure, PH_INSPECTION, "ph_exec_image", ENOSYS);
}
