/* Linux: a program image that nobody may read. The kernel makes a process that executes such a file
 * non-dumpable before its first instruction: fs/exec.c would_dump() and begin_new_exec(). */
#define _GNU_SOURCE
#include "place.h"

#include "../core/text.h"
#include "linux_file.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010u /* Linux 6.3, include/uapi/linux/memfd.h */
#endif
#define UNREADABLE 0111
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define SENDFILE_MAX 0x7ffff000 /* sendfile(2) */
#define NAME_SIZE 200           /* memfd_create(2) takes 249 bytes */

#define DAC_OVERRIDE_AND_READ_SEARCH (1u << 1 | 1u << 2)

long ph_place_failed(struct ph_place *place, const char *call, long error)
{
    place->call = call;
    return error;
}

long ph_create_memfd(const char *name)
{
    const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    const long fd = PH_CALL(SYS_memfd_create, name, flags | MFD_EXEC);

    if (fd != -EINVAL) /* Linux before 6.3 */
        return fd;
    return PH_CALL(SYS_memfd_create, name, flags);
}

int ph_is_new_file(long fd)
{
    struct ph_statx file = {.links = 1}; /* not a new file's, unless the kernel says so */

    return !ph_stat(fd, "", AT_EMPTY_PATH, &file) && S_ISREG(file.mode) && !file.links &&
           !file.size;
}

long ph_write(long fd, const void *from, size_t length)
{
    const char *bytes = from;

    while (length) {
        const long done = PH_CALL(SYS_write, fd, bytes, length);

        if (done <= 0) /* 0: the call was never made */
            return done ? done : -EIO;
        bytes += done;
        length -= (size_t)done;
    }
    return 0;
}

static long copy_file(long to, long from)
{
    long done = PH_CALL(SYS_lseek, from, 0, SEEK_SET);

    while (done >= 0 || done == -EINTR) {
        done = PH_CALL(SYS_sendfile, to, from, 0, SENDFILE_MAX);
        if (!done)
            break;
    }
    return done;
}

long ph_place_fill(const struct ph_contents *contents, long fd, struct ph_place *place)
{
    const long error = contents->bytes ? ph_write(fd, contents->bytes, contents->length)
                                       : copy_file(fd, contents->source);

    if (error)
        return ph_place_failed(place, contents->bytes ? "write" : "sendfile", error);
    return ph_place_failed(place, "fchmod", PH_CALL(SYS_fchmod, fd, UNREADABLE));
}

long ph_place_check(const struct ph_contents *contents, struct ph_place *place)
{
    struct ph_statx file = {.mode = 0}, source = {.size = contents->length};
    long error = contents->bytes ? 0 : ph_stat(contents->source, "", AT_EMPTY_PATH, &source);

    if (!error)
        error = ph_stat(place->fd, place->name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, &file);
    if (!error && (file.mode != (S_IFREG | UNREADABLE) || file.size != source.size ||
                   file.uid != (uint32_t)PH_CALL(SYS_geteuid)))
        return ph_place_failed(place, "reading back what was written", -EIO);
    return ph_place_failed(place, "statx", error);
}

/* A seccomp filter can answer 0 for any call, but nothing above it. */
static long check_seals(long fd)
{
    const long seals = PH_CALL(SYS_fcntl, fd, F_GET_SEALS);

    if (seals < 0)
        return seals;
    return (seals & SEALS) == SEALS ? 0 : -EIO;
}

/* Under load the kernel holds a reference to a page for a moment, and answers EBUSY. */
static long add_seals(long fd)
{
    for (int left = 100;; left--) {
        const long error = PH_CALL(SYS_fcntl, fd, F_ADD_SEALS, SEALS);

        if (error != -EBUSY || !left)
            return error;
        (void)PH_CALL(SYS_sched_yield); /* never fails */
    }
}

long ph_place_in_memory(const struct ph_contents *contents, struct ph_place *place)
{
    char name[NAME_SIZE];
    struct ph_text text = PH_TEXT(name);
    long error;

    ph_add(&text, ph_basename(contents->path));
    place->name = "";
    place->fd = ph_create_memfd(name);
    if (place->fd < 0)
        return ph_place_failed(place, "memfd_create", place->fd);
    if (!ph_is_new_file(place->fd)) {
        place->fd = -1; /* not ours to close */
        return ph_place_failed(place, "memfd_create", -EIO);
    }
    error = ph_place_fill(contents, place->fd, place);
    if (!error)
        error = ph_place_failed(place, "fcntl(F_ADD_SEALS)", add_seals(place->fd));
    if (!error)
        error = ph_place_failed(place, "fcntl(F_GET_SEALS)", check_seals(place->fd));
    return error ? error : ph_place_check(contents, place);
}

/* Capabilities that override file modes would let us read the image: they leave the effective set
 * for the call. exec restores them. */
long ph_place_execute(struct ph_place *place, char *const argv[], char *const envp[])
{
    struct {
        uint32_t version;
        int32_t pid;
    } header = {PH_CAPABILITY_VERSION, 0};
    struct ph_capabilities held[2], reduced[2];
    long error = PH_CALL(SYS_capget, &header, held);

    if (error)
        return ph_place_failed(place, "capget", error);
    reduced[0] = held[0];
    reduced[1] = held[1];
    reduced[0].effective &= ~DAC_OVERRIDE_AND_READ_SEARCH;
    error = PH_CALL(SYS_capset, &header, reduced);
    if (!error) {
        reduced[0] = held[0];
        error = PH_CALL(SYS_capget, &header, reduced);
        if (!error && reduced[0].effective & DAC_OVERRIDE_AND_READ_SEARCH)
            error = -EIO; /* a filter only claimed success */
    }
    if (error)
        return ph_place_failed(place, "capset", error);
    error = PH_CALL(SYS_execveat, place->fd, place->name, argv, envp,
                    *place->name ? 0 : AT_EMPTY_PATH);
    /* Restoring capabilities that are still permitted cannot fail. */
    (void)PH_CALL(SYS_capset, &header, held);
    return ph_place_failed(place, "execveat", error ? error : -EIO);
}
