/* Finds out from the file of its program how this process was started: no variable and no library
 * can forge that. */
#define _GNU_SOURCE
#include "started.h"

#include "../core/platform/linux_ids.h"
#include "../core/platform/linux_proc.h"
#include "../exec/linux_file.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define OWN_FILE "/proc/self/exe"

/* Whether the file cannot be reached by a path: it is in memory, or on a file system that is
 * mounted nowhere. In the latter case, its path leads to a different file system. */
static int is_unreachable(const struct ph_statx *file)
{
    char path[PH_PATH];
    struct ph_statx named = {0};
    const long length =
        PH_CALL(SYS_readlinkat, AT_FDCWD, OWN_FILE, path, sizeof path - 1);

    if (length < 0 || !file->links)
        return !file->links;
    path[length] = '\0';
    return ph_stat(AT_FDCWD, path, 0, &named) || named.device_major != file->device_major ||
           named.device_minor != file->device_minor;
}

/* clock_gettime(2) with 64-bit times, also on 32-bit architectures. */
static long read_clock(clockid_t clock, int64_t time[2])
{
#ifdef SYS_clock_gettime64
    return PH_CALL(SYS_clock_gettime64, clock, time);
#else
    return PH_CALL(SYS_clock_gettime, clock, time);
#endif
}

/* Whether the file still has the mode with which this process executed it, or only root can have
 * changed that mode. The file's owner could make it unreadable afterwards, to hide that it was
 * readable. The time of the exec is unknown, so any change since the process started counts. */
static int has_kept_its_mode(const struct ph_statx *file)
{
    const int64_t second = 1000 * 1000 * 1000, tick = second / 100; /* USER_HZ */
    int64_t now[2] = {0, 0}, uptime[2] = {0, 0}; /* struct __kernel_timespec */
    uint64_t start = 0; /* in ticks since boot */

    if (file->uid != ph_effective_user() && file->uid != ph_real_user())
        return 1;
    if (ph_read_stat(22, &start, 1) || read_clock(CLOCK_REALTIME, now) ||
        read_clock(CLOCK_BOOTTIME, uptime) || !now[0] || !uptime[0])
        return 0;
    return file->changed.seconds * second + file->changed.nanoseconds <
           (now[0] - uptime[0]) * second + now[1] - uptime[1] + (int64_t)start * tick;
}

const char *ph_read_start(void)
{
    struct ph_statx file = {0}; /* zeroed: a seccomp filter can fake success */
    long fd;

    if (PH_CALL(SYS_prctl, PR_GET_DUMPABLE) == 1 ||
        ph_stat(AT_FDCWD, OWN_FILE, 0, &file))
        return "ordinary";
    /* Root can open our image anyway, so this does not try. */
    if (file.mode == (S_IFREG | 0111) && is_unreachable(&file))
        return "execute-only";
    fd = PH_CALL(SYS_openat, AT_FDCWD, OWN_FILE, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        (void)PH_CALL(SYS_close, fd);
    /* Landlock and AppArmor can refuse open(2) too, but exec checked only the mode. */
    return fd == -EACCES &&
                   PH_CALL(SYS_faccessat, AT_FDCWD, OWN_FILE, R_OK) == -EACCES &&
                   ph_confirm_unreadable(file.mode, file.uid) && has_kept_its_mode(&file)
               ? "unreadable file"
               : "ordinary";
}
