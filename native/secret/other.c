/* Systems other than Linux: unsupported. */
#include "secret.h"

#include <errno.h>

int ph_secret_take(size_t size, enum ph_secret_kind kind, struct ph_secret *secret)
{
    (void)size, (void)kind;
    secret->start = NULL;
    errno = ENOSYS;
    return -1;
}

void ph_secret_give_back(struct ph_secret *secret)
{
    secret->start = NULL;
}
