/* Where an image that nobody may read is put, and how it is started from there (Linux). */
#ifndef PH_PLACE_H
#define PH_PLACE_H

#include "file.h"

#include <stddef.h>

/* What is put there. */
struct ph_contents {
    const char *path;  /* the name that it gets: absolute, no symbolic link in it */
    const void *bytes; /* the contents; NULL: those of the file source, from its start */
    size_t length;
    int source;
};

struct ph_place {
    long fd;          /* below which the name is, or which is the file itself */
    const char *name; /* relative; "" for the file itself */
    const char *call; /* the call that failed */
};

/* by_name -- a file under its own path in a file system that nobody else can reach: /proc/PID/exe,
 * comm and what looks for files beside the program see the true name. Needs Linux 5.9 and either
 * CAP_SYS_ADMIN or a user namespace. Otherwise a sealed file in memory, which has no name but works
 * wherever memfd_create(2) does. Returns 0 or a negative errno value with place->call. */
long ph_place_make(const struct ph_contents *contents, int by_name, struct ph_place *place);

#define PH_STUB_SIZE (1 << 14)
/* Writes the stub into buffer that maps the program with this identity and path, and calls itself
 * name. rehearse: it ends with 0 instead of starting the program, or with one line and 126.
 * Returns its length, or 0 when it does not fit. buffer must be aligned for uint64_t. */
size_t ph_stub_write(char *buffer, size_t size, const struct ph_identity *identity,
                     const char *path, const char *name, int rehearse);

/* Becomes the program in the place. Returns a negative errno value only. */
long ph_place_execute(const struct ph_place *place, char *const argv[], char *const envp[]);

/* clone(2) as fork(2), without a signal at the end, and the wait for such a child: its status word
 * or a negative errno value. */
long ph_fork(unsigned long flags, int *pidfd);
long ph_wait(long pid);

#endif
