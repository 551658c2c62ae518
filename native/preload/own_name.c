/* Fakes the name of a program that runs from memory, which the kernel calls /memfd:NAME (deleted).
 * Instead, every path to this process's own image resolves to the program's path. */
#define _GNU_SOURCE
#include "own_name.h"

#include "../core/text.h"
#include "../exec/linux_file.h"
#include "libc.h"

#include <errno.h>

#define OWN_IMAGE "/proc/self/exe"
#define NEXT ((void *)-1L) /* RTLD_NEXT */

/* In glibc and musl. Before glibc 2.34, dlsym() is in libdl, which calls _dl_sym() in libc. */
extern void *dlsym(void *handle, const char *name) __attribute__((weak));
extern void *_dl_sym(void *handle, const char *name, void *caller) __attribute__((weak));
/* Called by the fortified functions if a buffer is too small. Does not return. */
extern void __chk_fail(void) __attribute__((weak));

static char own_name[PH_PATH]; /* empty: the kernel's answers are right */

void ph_set_own_name(const char *path)
{
    struct ph_text text = PH_TEXT(own_name);

    ph_add(&text, path);
}

const char *ph_own_name_of(long folder, const char *path, int flags)
{
    struct ph_statx file, own;

    if (!*own_name || ph_stat(AT_FDCWD, OWN_IMAGE, 0, &own) ||
        ph_stat(folder, path, flags & AT_EMPTY_PATH, &file) || file.inode != own.inode ||
        file.device_major != own.device_major || file.device_minor != own.device_minor)
        return NULL;
    return own_name;
}

/* Whether a link can point to a memfd, "/memfd:NAME (deleted)". If it cannot, no more calls are
 * needed. */
static int may_be_memfd(const char *link, long length)
{
    return link[0] == '/' && (length == 1 || link[1] == 'm'); /* 1: cut off by a small buffer */
}

/* readlinkat(2), with a different answer for our own image. */
static long read_link(long folder, const char *path, char *buffer, size_t size)
{
    long length = PH_CALL(SYS_readlinkat, folder, path, buffer, size);
    size_t at;

    if (length <= 0 || !*own_name || !may_be_memfd(buffer, length) ||
        !ph_own_name_of(folder, path, 0))
        return ph_return(length);
    for (at = 0; own_name[at] && at < size; at++)
        buffer[at] = own_name[at];
    /* A program that zeroed its buffer reads up to the first zero: erase the rest of the kernel's
     * link if that is longer. */
    for (size_t rest = at; rest < (size_t)length; rest++)
        buffer[rest] = '\0';
    return (long)at;
}

static void check_size(size_t needed, size_t there)
{
    if (needed > there && __chk_fail)
        __chk_fail();
}

PH_EXPORT long readlink(const char *path, char *buffer, size_t size)
{
    return read_link(AT_FDCWD, path, buffer, size);
}

PH_EXPORT long __readlink_chk(const char *path, char *buffer, size_t size, size_t there)
{
    check_size(size, there);
    return read_link(AT_FDCWD, path, buffer, size);
}

PH_EXPORT long readlinkat(int folder, const char *path, char *buffer, size_t size)
{
    return read_link(folder, path, buffer, size);
}

PH_EXPORT long __readlinkat_chk(int folder, const char *path, char *buffer, size_t size,
                                size_t there)
{
    check_size(size, there);
    return read_link(folder, path, buffer, size);
}

/* Returns libc's function of this name. If there is none, sets errno to ENOSYS.
 * known -- remembers it: dlsym() clears what dlerror() would return to the program */
static void *find_next(const char *name, void **known)
{
    void *found = __atomic_load_n(known, __ATOMIC_RELAXED);

    if (found)
        return found;
    if (dlsym)
        found = dlsym(NEXT, name);
    else if (_dl_sym)
        found = _dl_sym(NEXT, name, own_name); /* an address in this library */
    if (!found)
        (void)ph_return(-ENOSYS);
    __atomic_store_n(known, found, __ATOMIC_RELAXED);
    return found;
}

/* Returns the path that libc has to resolve instead of this one. */
static const char *true_path(const char *path)
{
    return path && ph_own_name_of(AT_FDCWD, path, 0) ? own_name : path;
}

/* Function pointers and object pointers have the same size here, as dlsym() requires. */
#define CALL_NEXT(name, type, arguments)                                                           \
    static void *known;                                                                            \
    union {                                                                                        \
        void *object;                                                                              \
        type;                                                                                      \
    } next = {find_next(name, &known)};                                                            \
    return next.object ? next.function arguments : NULL

PH_EXPORT char *realpath(const char *path, char *resolved)
{
    CALL_NEXT("realpath", char *(*function)(const char *, char *), (true_path(path), resolved));
}

PH_EXPORT char *__realpath_chk(const char *path, char *resolved, size_t there)
{
    CALL_NEXT("__realpath_chk", char *(*function)(const char *, char *, size_t),
              (true_path(path), resolved, there));
}

PH_EXPORT char *canonicalize_file_name(const char *path)
{
    CALL_NEXT("canonicalize_file_name", char *(*function)(const char *), (true_path(path)));
}
