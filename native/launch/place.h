/* Where an unreadable image is put, and how it is started from there (Linux). */
#ifndef PH_PLACE_H
#define PH_PLACE_H

#include "process.h"

#include <stddef.h>

struct ph_contents {
    const char *path;  /* the name that the image gets: absolute, without symbolic links */
    const void *bytes; /* NULL: the contents of the file source, from the start */
    size_t length;
    int source;
};

struct ph_place {
    long fd;          /* the directory of the name, or the file itself */
    const char *name; /* relative; "" for the file itself */
    const char *call; /* the last one */
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
/* place.c: the same; or, with by_name, a file under its own path in a file system that nobody else
 * can reach. Needs Linux 5.9 and either CAP_SYS_ADMIN or a user namespace. */
long ph_place_make(const struct ph_contents *contents, int by_name, struct ph_place *place);
/* Executes the program in the place. Returns only on failure. */
long ph_place_execute(struct ph_place *place, char *const argv[], char *const envp[]);

/* Steps that both share. ph_place_fill() writes the contents and makes the file unreadable;
 * ph_place_check() reads back what a seccomp filter may have faked. */
long ph_place_fill(const struct ph_contents *contents, long fd, struct ph_place *place);
long ph_place_check(const struct ph_contents *contents, struct ph_place *place);
/* Writes all length bytes. Returns 0 or a negative errno value. */
long ph_write(long fd, const void *from, size_t length);
/* A file in memory that can be executed, or a negative errno value. */
long ph_create_memfd(const char *name);
/* Whether fd is a new, unnamed file and not standard input, which a filter can return. */
int ph_is_new_file(long fd);

#endif
