/* Linux: an unreadable program image. The kernel makes a process that executes such a file
 * non-dumpable before its first instruction: fs/exec.c would_dump() and begin_new_exec(). */
#define _GNU_SOURCE
#include "place.h"

#include "../core/platform/linux_ids.h"
#include "../core/text.h"
#include "../exec/linux_file.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010u /* Linux 6.3, include/uapi/linux/memfd.h */
#endif
#define UNREADABLE 0111
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define SENDFILE_MAX 0x7ffff000 /* sendfile(2) */
#define NAME_SIZE 200           /* memfd_create(2) accepts 249 bytes */

#define DAC_OVERRIDE_AND_READ_SEARCH (1u << 1 | 1u << 2)

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
    struct ph_statx file = {.links = 1}; /* a new file has no links */

    return !ph_stat(fd, "", AT_EMPTY_PATH, &file) && S_ISREG(file.mode) && !file.links &&
           !file.size;
}

long ph_write(long fd, const void *from, size_t length)
{
    const char *bytes = from;

    while (length) {
        const long done = PH_CALL(SYS_write, fd, bytes, length);

        if (done <= 0) /* 0: a filter faked the call */
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
    if (contents->bytes)
        (void)ph_failed(place, "write", ph_write(fd, contents->bytes, contents->length));
    else
        (void)ph_failed(place, "sendfile", copy_file(fd, contents->source));
    if (!place->error)
        (void)ph_failed(place, "fchmod", PH_CALL(SYS_fchmod, fd, UNREADABLE));
    return place->error;
}

long ph_place_check(const struct ph_contents *contents, struct ph_place *place)
{
    struct ph_statx file = {.mode = 0}, source = {.size = contents->length};
    const int flags = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW;

    if (!contents->bytes)
        (void)ph_failed(place, "statx", ph_stat(contents->source, "", AT_EMPTY_PATH, &source));
    if (!place->error &&
        !ph_failed(place, "statx", ph_stat(place->fd, place->name, flags, &file)) &&
        (file.mode != (S_IFREG | UNREADABLE) || file.size != source.size ||
         file.uid != ph_effective_user()))
        (void)ph_failed(place, "reading back what was written", -EIO);
    return place->error;
}

/* A seccomp filter can fake the result 0 for any call, but no greater number. */
static long check_seals(long fd)
{
    const long seals = PH_CALL(SYS_fcntl, fd, F_GET_SEALS);

    if (seals < 0)
        return seals;
    return (seals & SEALS) == SEALS ? 0 : -EIO;
}

/* Under load, the kernel may briefly hold a reference to a page, which causes EBUSY. */
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

    ph_add(&text, ph_basename(contents->path));
    place->name = "";
    place->fd = ph_create_memfd(name);
    if (ph_failed(place, "memfd_create", place->fd))
        return place->error;
    if (!ph_is_new_file(place->fd)) {
        place->fd = -1; /* so that the caller does not close it */
        (void)ph_failed(place, "memfd_create", -EIO);
        return place->error;
    }
    if (ph_place_fill(contents, place->fd, place) ||
        ph_failed(place, "fcntl(F_ADD_SEALS)", add_seals(place->fd)) ||
        ph_failed(place, "fcntl(F_GET_SEALS)", check_seals(place->fd)))
        return place->error;
    return ph_place_check(contents, place);
}

static int is_reduced(const struct ph_capabilities held[2])
{
    return ph_were_read(held) && !(held[0].effective & DAC_OVERRIDE_AND_READ_SEARCH);
}

/* Capabilities that override file modes would let us read the image, so they are dropped from the
 * effective set for the call. exec restores them. The set is read back, because a filter may fake
 * success. */
long ph_place_execute(struct ph_place *place, char *const argv[], char *const envp[])
{
    struct {
        uint32_t version;
        int32_t pid;
    } header = {PH_CAPABILITY_VERSION, 0};
    struct ph_capabilities held[2] = PH_NO_CAPABILITIES, reduced[2], now[2] = PH_NO_CAPABILITIES;
    const int flags = *place->name ? 0 : AT_EMPTY_PATH;
    long error;

    if (ph_failed(place, "capget", PH_CALL(SYS_capget, &header, held)) ||
        ph_failed(place, "capget", ph_were_read(held) ? 0 : -EIO))
        return place->error;
    reduced[0] = held[0];
    reduced[1] = held[1];
    reduced[0].effective &= ~DAC_OVERRIDE_AND_READ_SEARCH;
    if (ph_failed(place, "capset", PH_CALL(SYS_capset, &header, reduced)))
        return place->error;
    if (!ph_failed(place, "capget", PH_CALL(SYS_capget, &header, now)) &&
        !ph_failed(place, "capset", is_reduced(now) ? 0 : -EIO)) {
        error = PH_CALL(SYS_execveat, place->fd, place->name, argv, envp, flags);
        (void)ph_failed(place, "execveat", error ? error : -EIO);
    }
    /* Restoring capabilities that are still permitted cannot fail. */
    (void)PH_CALL(SYS_capset, &header, held);
    return place->error;
}
