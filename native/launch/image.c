/* Linux: a program image in memory that is born non-dumpable. */
#define _GNU_SOURCE
#include "image.h"
#include "../core/platform.h"
#include "../core/platform/linux_syscall.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010u /* Linux 6.3, include/uapi/linux/memfd.h */
#endif
#define EXECUTE_ONLY 0111
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define SENDFILE_MAX 0x7ffff000 /* sendfile(2) */

/* The structures of capget(2) and capset(2), for which musl has no header. */
struct capability_header {
    uint32_t version;
    int32_t pid;
};
struct capability_set {
    uint32_t effective;
    uint32_t permitted;
    uint32_t inheritable;
};
#define CAPABILITY_VERSION_3 0x20080522
#define CAP_DAC_OVERRIDE 1
#define CAP_DAC_READ_SEARCH 2

/* The functions below return what the kernel returns: a negative errno value is an error. */

static long create_memfd(const char *name)
{
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    long fd = ph_syscall(SYS_memfd_create, (long)name, (long)(flags | MFD_EXEC), 0, 0, 0);

    if (fd == -EINVAL) /* Linux before 6.3 */
        fd = ph_syscall(SYS_memfd_create, (long)name, (long)flags, 0, 0, 0);
    return fd;
}

static long copy_file(long to, long from)
{
    long sent;

    do
        sent = ph_syscall(SYS_sendfile, to, from, 0, SENDFILE_MAX, 0);
    while (sent > 0 || sent == -EINTR);
    return sent;
}

static long get_capabilities(struct capability_set held[2])
{
    struct capability_header header = {CAPABILITY_VERSION_3, 0};

    return ph_syscall(SYS_capget, (long)&header, (long)held, 0, 0, 0);
}

static long set_capabilities(const struct capability_set wanted[2])
{
    struct capability_header header = {CAPABILITY_VERSION_3, 0};

    return ph_syscall(SYS_capset, (long)&header, (long)wanted, 0, 0, 0);
}

/* Under load the kernel holds a reference to a page for a moment, and answers EBUSY. */
static long add_seals(long fd)
{
    long result;

    for (int left = 100;; left--) {
        result = ph_syscall(SYS_fcntl, fd, F_ADD_SEALS, SEALS, 0, 0);
        if (result != -EBUSY || !left)
            return result;
        (void)ph_syscall(SYS_sched_yield, 0, 0, 0, 0, 0); /* never fails */
    }
}

/* Type: starts a program that is non-dumpable before its first instruction.
 * Targets: attackers that open /proc/PID/mem between execve and the first prctl.
 * API: memfd_create, execveat. The kernel sets fs.suid_dumpable at exec if the caller
 * may not read the file. Capabilities that override file modes would let it, so they
 * are dropped from the effective set for the call; exec restores them.
 * Errors: exit code 5.
 * Source: fs/exec.c would_dump() and begin_new_exec(); memfd_create(2). */
void ph_exec_image(int image_fd, const char *name, char *const argv[], char *const envp[],
                   struct ph_failure *failure)
{
    struct capability_set held[2], reduced[2];
    const char *call = "memfd_create";
    long result, fd = create_memfd(name);

    result = fd;
    if (result < 0)
        goto out;
    call = "sendfile";
    result = copy_file(fd, image_fd);
    if (result < 0)
        goto out;
    call = "fchmod";
    result = ph_syscall(SYS_fchmod, fd, EXECUTE_ONLY, 0, 0, 0);
    if (result < 0)
        goto out;
    call = "fcntl(F_ADD_SEALS)";
    result = add_seals(fd);
    if (result < 0)
        goto out;
    call = "capget";
    result = get_capabilities(held);
    if (result < 0)
        goto out;
    reduced[0] = held[0];
    reduced[1] = held[1];
    reduced[0].effective &= ~(1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH);
    call = "capset";
    result = set_capabilities(reduced);
    if (result < 0)
        goto out;
    call = "execveat";
    result = ph_syscall(SYS_execveat, fd, (long)"", (long)argv, (long)envp, AT_EMPTY_PATH);
    /* Restoring capabilities that are still permitted cannot fail. */
    (void)set_capabilities(held);
out:
    ph_fail(failure, PH_INSPECTION, call, (int)-result);
    /* Frees the copy. Linux frees the descriptor even if close(2) fails. */
    if (fd >= 0)
        (void)ph_syscall(SYS_close, fd, 0, 0, 0, 0);
}
