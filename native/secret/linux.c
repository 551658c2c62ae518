/* Linux and Android. */
#define _GNU_SOURCE
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#define SECRETMEM_MAGIC 0x5345434d /* mm/secretmem.c, include/uapi/linux/magic.h */
#define SYS_MEMFD_SECRET 447 /* the same on every architecture, Linux 5.14 */

/* Type: pages that the kernel does not map.
 * Targets: /proc/PID/mem, ptrace, process_vm_readv, even by root; core dumps, swap, hibernation.
 * API: memfd_secret(2), limited by RLIMIT_MEMLOCK. The descriptor is closed, since a process that
 * copies it with pidfd_getfd(2) could map the pages. Source: mm/secretmem.c. */
static void *take_hidden(size_t size)
{
    int fd = (int)syscall(SYS_MEMFD_SECRET, O_CLOEXEC);
    struct statfs system = {0};
    void *start = MAP_FAILED;

    if (fd < 0)
        return MAP_FAILED;
    /* A seccomp filter can answer 0, which is standard input, but cannot fill in this structure. */
    if (fstatfs(fd, &system) || system.f_type != SECRETMEM_MAGIC) {
        errno = EIO;
        return MAP_FAILED;
    }
    if (!ftruncate(fd, (off_t)size))
        start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    /* Linux frees the descriptor even if close(2) fails. */
    (void)close(fd);
    return start;
}

/* Type: pages that are not in swap or core dumps. Targets: disks.
 * API: mlock(2), limited by RLIMIT_MEMLOCK, and madvise(MADV_DONTDUMP). The mapping is shared, so
 * that locking and zeroing by the owner apply to its forked children too. */
static void *take_locked(size_t size)
{
    void *start =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int error;

    if (start == MAP_FAILED)
        return MAP_FAILED;
    if (!mlock(start, size) && !madvise(start, size, MADV_DONTDUMP))
        return start;
    error = errno;
    /* Cannot fail for a whole mapping. */
    (void)munmap(start, size);
    errno = error;
    return MAP_FAILED;
}

/* Whether an error means that the system lacks such memory or forbids it to this process. */
static int is_unavailable(int error)
{
    return error == ENOSYS || error == EPERM || error == EACCES;
}

int ph_secret_take(size_t size, enum ph_secret_kind kind, struct ph_secret *secret)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t pages = size / page + (size % page || !size);

    *secret = (struct ph_secret){.owner = (long)getpid()};
    /* The pages are never swapped out, and root has no limit: refuse more than the size of
     * RAM. */
    if (pages > (size_t)sysconf(_SC_PHYS_PAGES)) {
        errno = ENOMEM;
        return -1;
    }
    secret->size = pages * page;
    secret->kind = kind == PH_SECRET_LOCKED ? PH_SECRET_LOCKED : PH_SECRET_MEMFD;
    secret->start =
        secret->kind == PH_SECRET_MEMFD ? take_hidden(secret->size) : take_locked(secret->size);
    if (secret->start == MAP_FAILED && kind == PH_SECRET_ANY && is_unavailable(errno)) {
        secret->kind = PH_SECRET_LOCKED;
        secret->start = take_locked(secret->size);
    }
    if (secret->start != MAP_FAILED)
        return 0;
    secret->start = NULL;
    return -1;
}

void ph_secret_give_back(struct ph_secret *secret)
{
    /* volatile, since the compiler may drop writes that are never read. */
    volatile char *byte = secret->start;

    for (size_t i = 0; secret->owner == (long)getpid() && i < secret->size; i++)
        byte[i] = 0;
    /* Cannot fail for a whole mapping. */
    (void)munmap(secret->start, secret->size);
    secret->start = NULL;
}
