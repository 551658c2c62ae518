/* Puts an unreadable image into a place, and starts it from there (Linux). */
#ifndef PH_PLACE_H
#define PH_PLACE_H

#include "process.h"

#include <stddef.h>

struct ph_contents {
    const char *path;  /* the name that the image gets: absolute, without symbolic links */
    const void *bytes; /* NULL: copy the file `source` from its start */
    size_t length;
    int source;
};

struct ph_place {
    long fd;          /* the directory to which name is relative, or the file itself */
    const char *name; /* relative to fd; "" if fd is the file itself */
    const char *call; /* the most recent one */
    long error;       /* a negative errno value if it failed, else 0 */
};

/* Notes a call and what it returned. Returns whether it failed. */
static inline int ph_failed(struct ph_place *place, const char *call, long result)
{
    place->call = call;
    place->error = result < 0 ? result : 0;
    return result < 0;
}

/* The next two functions return place->error. image.c: makes a sealed file in memory, which has no
 * path but works wherever memfd_create(2) does. */
long ph_place_in_memory(const struct ph_contents *contents, struct ph_place *place);
/* place.c: does the same or, if by_name is set, makes a file under its own path in a file system
 * that nobody else can reach. That needs Linux 5.9 and either CAP_SYS_ADMIN or a user namespace. */
long ph_place_make(const struct ph_contents *contents, int by_name, struct ph_place *place);
/* Executes the program in the place. Returns only on failure. */
long ph_place_execute(struct ph_place *place, char *const argv[], char *const envp[]);

/* Steps of both functions. ph_place_fill() writes the contents and makes the file unreadable;
 * ph_place_check() reads back what a seccomp filter may have faked. */
long ph_place_fill(const struct ph_contents *contents, long fd, struct ph_place *place);
long ph_place_check(const struct ph_contents *contents, struct ph_place *place);
/* Writes all length bytes. Returns 0 or a negative errno value. */
long ph_write(long fd, const void *from, size_t length);
/* Returns a new file in memory that can be executed, or a negative errno value. */
long ph_create_memfd(const char *name);
/* Whether fd is a new, unnamed file. A seccomp filter can return standard input instead. */
int ph_is_new_file(long fd);

#endif
