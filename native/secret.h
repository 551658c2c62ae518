/* Memory for secrets. Not part of the core: the preload library has no use for it, and it may ask
 * libc, since a library that was put in the way of mmap(2) could read the memory anyway. */
#ifndef PH_SECRET_H
#define PH_SECRET_H

#include <stddef.h>

enum ph_secret {
    PH_SECRET_MEMFD, /* the kernel itself does not map it: not even root reads it through /proc */
    PH_SECRET_LOCKED /* neither in swap nor in a core dump */
};

/* Lays such memory over whole pages that are mapped shared, readable and writable, with nothing in
 * them. Returns an enum ph_secret, or -1 with errno set and usable pages in place as before. */
int ph_secret_protect(void *pages, size_t size);

#endif
