/* Every system but Linux: there is no memory of this kind, and nothing is claimed. */
#include "../secret.h"

#include <errno.h>

int ph_secret_protect(void *pages, size_t size)
{
    (void)pages, (void)size;
    errno = ENOSYS;
    return -1;
}
