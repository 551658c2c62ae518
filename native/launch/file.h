/* What identifies a file: statx(2), the same on every architecture. */
#ifndef PH_FILE_H
#define PH_FILE_H

#include "../core/platform/linux_syscall.h"

#include <fcntl.h>
#include <stdint.h>

/* The kernel's structures, which not every libc has. Source: include/uapi/linux/stat.h. */
struct ph_time {
    int64_t seconds;
    uint32_t nanoseconds;
    int32_t reserved;
};
struct ph_statx {
    uint32_t mask, block_size;
    uint64_t attributes;
    uint32_t links, uid, gid;
    uint16_t mode, spare;
    uint64_t inode, size, blocks, attributes_mask;
    struct ph_time accessed, born, changed, modified;
    uint32_t special_major, special_minor, device_major, device_minor;
    uint64_t later[14];
};
#define PH_STATX_BASIC_AND_BIRTH 0xfffu

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

/* Of the file at path below folder, or with flags AT_EMPTY_PATH of folder itself. */
static inline long ph_stat(long folder, const char *path, int flags, struct ph_statx *file)
{
    return ph_syscall(SYS_statx, folder, (long)path, flags, PH_STATX_BASIC_AND_BIRTH, (long)file);
}

/* The very file, and not another that later got its inode number. The time of the last change of
 * the inode is left out: making a hard link of a running program must not keep it from starting
 * itself again. */
struct ph_identity {
    uint64_t device, inode, size;
    int64_t modified, born;
    uint32_t modified_part, born_part; /* nanoseconds */
};

static inline void ph_identify(const struct ph_statx *file, struct ph_identity *identity)
{
    identity->device = (uint64_t)file->device_major << 32 | file->device_minor;
    identity->inode = file->inode;
    identity->size = file->size;
    identity->modified = file->modified.seconds;
    identity->modified_part = file->modified.nanoseconds;
    identity->born = file->born.seconds;
    identity->born_part = file->born.nanoseconds;
}

static inline int ph_is_same(const struct ph_identity *a, const struct ph_identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified == b->modified && a->modified_part == b->modified_part &&
           a->born == b->born && a->born_part == b->born_part;
}

#endif
