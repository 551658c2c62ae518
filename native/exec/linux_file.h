/* Identifies files and reads from them. */
#ifndef PH_LINUX_FILE_H
#define PH_LINUX_FILE_H

#include "../core/platform/linux_statx.h"
#include "../core/platform/linux_syscall.h"
#include "../core/text.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>

#define PH_PATH 4096 /* PATH_MAX */
#define PH_LINE 256  /* BINPRM_BUF_SIZE: how much of a file the kernel reads to execute it */
#define PH_SCRIPTS 5 /* how many "#!" lines in a row it follows: fs/exec.c exec_binprm() */

/* Flags for opening a file that may turn out to be a pipe or a terminal: open(2) never blocks. */
#define PH_TO_READ (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_LARGEFILE)

/* Distinguishes a file from a later one that reuses its inode number: device, inode, size, and
 * times of birth and modification. The change time is left out: a new hard link changes it, but
 * must not prevent a running program from re-executing itself. */
struct ph_identity {
    uint64_t part[7];
};

static inline struct ph_identity ph_identify(const struct ph_statx *file)
{
    return (struct ph_identity){{(uint64_t)file->device_major << 32 | file->device_minor,
                                 file->inode, file->size, (uint64_t)file->modified.seconds,
                                 file->modified.nanoseconds, (uint64_t)file->born.seconds,
                                 file->born.nanoseconds}};
}

static inline int ph_is_same(const struct ph_identity *a, const struct ph_identity *b)
{
    for (size_t i = 0; i < sizeof a->part / sizeof *a->part; i++)
        if (a->part[i] != b->part[i])
            return 0;
    return 1;
}

/* Whether two descriptors refer to the same file: a filter can fake the success of dup3(2). */
static inline int ph_lead_to_same(long one, long other)
{
    struct ph_statx first = {0}, second = {0};
    struct ph_identity a, b;

    (void)ph_stat(one, "", AT_EMPTY_PATH, &first); /* after a failure, inode is 0 */
    (void)ph_stat(other, "", AT_EMPTY_PATH, &second);
    a = ph_identify(&first);
    b = ph_identify(&second);
    return first.inode && ph_is_same(&a, &b);
}

/* Writes the path of a descriptor in /proc to link, and returns it. */
#define PH_LINK 32
static inline const char *ph_link(long fd, char link[PH_LINK])
{
    struct ph_text text = {link, PH_LINK, 0, 0};

    ph_add(&text, "/proc/self/fd/");
    ph_add_number(&text, (unsigned long)fd);
    return link;
}

/* Returns how many bytes were read, or a negative errno value. */
static inline long ph_read_at(long fd, void *to, size_t size, uint64_t offset)
{
    const struct {
        void *base;
        size_t length;
    } part = {to, size};

    /* 32-bit kernels need the offset in two halves; 64-bit ones ignore the second half. */
    return PH_CALL(SYS_preadv, fd, &part, 1, offset, sizeof(long) == 4 ? offset >> 32 : 0);
}

/* mmap(2). */
static inline long ph_map(uintptr_t address, size_t size, int protection, int flags, long fd,
                          uint64_t offset)
{
#if defined __s390x__
    const long arguments[] = {(long)address, (long)size, protection, flags, fd, (long)offset};

    return PH_CALL(SYS_mmap, arguments);
#elif defined SYS_mmap2 /* counts in units of 4096 bytes */
    return PH_CALL(SYS_mmap2, address, size, protection, flags, fd, offset >> 12);
#else
    return PH_CALL(SYS_mmap, address, size, protection, flags, fd, offset);
#endif
}

static inline int ph_is_error(long result)
{
    /* A valid address can be negative as a long. 0 means that a seccomp filter faked success. */
    return !result || (result < 0 && result > -4096);
}

/* The first byte of a setting in /proc/sys, or NUL if it cannot be read. */
static inline char ph_read_setting(const char *path)
{
    const long fd = PH_CALL(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    char value = '\0';

    if (fd >= 0) {
        (void)ph_read_at(fd, &value, 1, 0);
        (void)PH_CALL(SYS_close, fd);
    }
    return value;
}

#endif
