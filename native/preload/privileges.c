/* Follows the kernel's rules for set-user-ID and set-group-ID bits and file capabilities. They have
 * an effect only in some processes, and an exec without effect leaves the process dumpable. */
#define _GNU_SOURCE
#include "privileges.h"

#include "../core/platform/linux_ids.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define CAPABILITY_WORDS 2
#define EFFECTIVE 1 /* VFS_CAP_FLAGS_EFFECTIVE */

/* struct vfs_ns_cap_data: little-endian. The kernel shows the last field only to user namespaces in
 * which the capabilities have no effect. */
struct file_capabilities {
    uint8_t flags[4];
    struct {
        uint8_t permitted[4], inheritable[4];
    } word[CAPABILITY_WORDS];
    uint8_t root[4];
};

/* struct statfs, or struct statfs64 where longs have 32 bits. */
#if defined __s390x__ || defined SYS_fstatfs64
typedef uint32_t statfs_word;
#else
typedef uint64_t statfs_word;
#endif
struct file_system {
    statfs_word type, block_size;
    uint64_t counts[5];
    uint32_t id[2];
    statfs_word longest_name, fragment_size, flags, spare[8];
};
#define STATFS64_SIZE 84
#define NO_SUID 2 /* ST_NOSUID */

/* A seccomp filter can fake success of these calls, but cannot fill in the ids, which then stay
 * equal. */
struct ph_ids ph_read_ids(void)
{
    struct ph_ids ids = {{0, 0, 0}, {0, 0, 0}};

    (void)PH_CALL(PH_IDS_CALL(getresuid), &ids.user[0], &ids.user[1], &ids.user[2]);
    (void)PH_CALL(PH_IDS_CALL(getresgid), &ids.group[0], &ids.group[1], &ids.group[2]);
    return ids;
}

static int is_mounted_nosuid(long fd)
{
    struct file_system mounted = {0};

#ifdef SYS_fstatfs64
    (void)PH_CALL(SYS_fstatfs64, fd, STATFS64_SIZE, &mounted);
#else
    (void)PH_CALL(SYS_fstatfs, fd, &mounted);
#endif
    return mounted.flags & NO_SUID ? 1 : 0;
}

/* Whether the bits in the file's mode name ids that differ from ours. */
static int has_other_owner(const struct ph_statx *file, const struct ph_ids *ids)
{
    const int sets_user = file->mode & S_ISUID;
    const int sets_group = (file->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);

    if (file->uid == PH_OVERFLOW_ID || file->gid == PH_OVERFLOW_ID)
        return 0; /* the bits of an unmapped owner have no effect */
    return (sets_user && file->uid != ids->user[0]) || (sets_group && file->gid != ids->group[0]);
}

static uint32_t read_word(const uint8_t byte[4])
{
    return (uint32_t)byte[0] | (uint32_t)byte[1] << 8 | (uint32_t)byte[2] << 16 |
           (uint32_t)byte[3] << 24;
}

/* Removes what the bounding set of this process lacks. first -- the number of the lowest bit */
static uint32_t bound(uint32_t capabilities, int first)
{
    for (int bit = 0; bit < 32; bit++)
        if (capabilities >> bit & 1 &&
            ph_syscall(SYS_prctl, PR_CAPBSET_READ, first + bit, 0, 0, 0) != 1)
            capabilities &= ~((uint32_t)1 << bit);
    return capabilities;
}

/* Whether this process, which is not root's, has any capability after exec. */
static int grants_any(const struct file_capabilities *file, int is_barred)
{
    uint32_t header[2] = {PH_CAPABILITY_VERSION, 0}, granted = 0;
    struct ph_capabilities own[CAPABILITY_WORDS] = {{0, 0, 0}, {0, 0, 0}};

    (void)PH_CALL(SYS_capget, header, own);
    for (int i = 0; i < CAPABILITY_WORDS; i++) {
        const uint32_t added = bound(read_word(file->word[i].permitted), i * 32) |
                               (read_word(file->word[i].inheritable) & own[i].inheritable);

        granted |= is_barred ? added & own[i].permitted : added;
    }
    return granted != 0;
}

long ph_loads_library(long fd, const struct ph_statx *file, const struct ph_ids *ids)
{
    struct file_capabilities found = {0};
    const long size =
        fd < 0 ? 0 : PH_CALL(SYS_fgetxattr, fd, "security.capability", &found, sizeof found);
    /* Root has all capabilities anyway, so its loader obeys LD_PRELOAD. */
    const int has_capabilities = size > 0 && size < (long)sizeof found && ids->user[0];
    const int sets_ids = has_other_owner(file, ids);
    int is_barred;

    if ((!sets_ids && !has_capabilities) || is_mounted_nosuid(fd))
        return 1;
    is_barred = ph_syscall(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0;
    if (sets_ids && !is_barred)
        return 0;
    if (!has_capabilities)
        return 1;
    if (grants_any(&found, is_barred))
        return 0;
    return found.flags[0] & EFFECTIVE ? -EPERM : 1;
}
