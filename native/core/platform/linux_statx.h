/* statx(2), whose structure musl's headers lack. Source: include/uapi/linux/stat.h. */
#ifndef PH_LINUX_STATX_H
#define PH_LINUX_STATX_H

#include "linux_syscall.h"

#include <fcntl.h>
#include <stdint.h>

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

struct ph_time {
    int64_t seconds;
    uint32_t nanoseconds, reserved;
};
struct ph_statx {
    uint32_t mask, block_size;
    uint64_t attributes;
    uint32_t links, uid, gid;
    uint16_t mode, spare;
    uint64_t inode, size, blocks, attributes_mask;
    struct ph_time accessed, born, changed, modified;
    uint32_t special_major, special_minor, device_major, device_minor;
    uint64_t mount, later[13];
};

/* Reads the status of the file at path below folder or, with AT_EMPTY_PATH, of folder itself. */
static inline long ph_stat(long folder, const char *path, int flags, struct ph_statx *file)
{
    const long basic_birth_and_mount = 0x1fff;

    return ph_syscall(SYS_statx, folder, (long)path, flags, basic_birth_and_mount, (long)file);
}

#endif
