/* Memory for secrets. It is not in the core, so it may call libc: a preloaded library that replaces
 * mmap(2) could read the memory anyway. */
#ifndef PH_SECRET_H
#define PH_SECRET_H

#include <stddef.h>

enum ph_secret_kind {
    PH_SECRET_ANY = -1, /* requests the best kind that the system has */
    PH_SECRET_MEMFD, /* not mapped by the kernel: not even root can read it through /proc */
    PH_SECRET_LOCKED /* kept out of swap and core dumps */
};

struct ph_secret {
    void *start; /* NULL: none */
    size_t size; /* whole pages */
    enum ph_secret_kind kind;
    long owner; /* the pid that allocated it */
};

/* Allocates zeroed pages of this kind for size bytes; forked children share them. PH_SECRET_ANY
 * uses locked pages only if memfd_secret(2) is unavailable. A full descriptor table, which another
 * process can cause, is an error instead. Returns 0, or -1 and sets errno. */
int ph_secret_take(size_t size, enum ph_secret_kind kind, struct ph_secret *secret);

/* Zeroes the pages, unless this is a forked child of the owner, and unmaps them. */
void ph_secret_give_back(struct ph_secret *secret);

#endif
