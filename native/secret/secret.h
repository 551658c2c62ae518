/* Memory for secrets. Not part of the core: the preload library has no use for it, and it may ask
 * libc, since a library that was put in the way of mmap(2) could read the memory anyway. */
#ifndef PH_SECRET_H
#define PH_SECRET_H

#include <stddef.h>

enum ph_secret_kind {
    PH_SECRET_MEMFD, /* the kernel itself does not map it: not even root reads it through /proc */
    PH_SECRET_LOCKED /* neither in swap nor in a core dump */
};

struct ph_secret {
    void *start; /* NULL: none */
    size_t size; /* whole pages */
    enum ph_secret_kind kind;
    long owner; /* the process that asked for it */
};

/* Pages of zeroes for size bytes, of the best kind there is; fork children share them. Returns 0,
 * or -1 with errno set. */
int ph_secret_take(size_t size, struct ph_secret *secret);

/* Zeroes them, unless this is a fork child of the owner, and gives them back. */
void ph_secret_give_back(struct ph_secret *secret);

#endif
