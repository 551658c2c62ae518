/* How this process was started, as the file shows that it runs: no variable and no library can say
 * otherwise. */
#define _GNU_SOURCE
#include "started.h"

#include "linux_file.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWN_FILE "/proc/self/exe"

/* Whether the file is at no path (in memory), or at one that leads to another file system: it lies
 * in a file system that is mounted nowhere. */
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

const char *ph_read_start(void)
{
    struct ph_statx file = {0}; /* a filter may only claim success */
    long fd;

    if (PH_CALL(SYS_prctl, PR_GET_DUMPABLE) == 1 ||
        ph_stat(AT_FDCWD, OWN_FILE, 0, &file))
        return "ordinary";
    /* Root may read our image. */
    if (file.mode == (S_IFREG | 0111) && is_unreachable(&file))
        return "execute-only";
    fd = PH_CALL(SYS_openat, AT_FDCWD, OWN_FILE, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        (void)PH_CALL(SYS_close, fd);
    /* Landlock and AppArmor refuse open(2) too, but the kernel's exec asked for the mode alone. */
    return fd == -EACCES &&
                   PH_CALL(SYS_faccessat, AT_FDCWD, OWN_FILE, R_OK) == -EACCES
               ? "unreadable file"
               : "ordinary";
}
