/* Linux and Android. */
#define _GNU_SOURCE
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define SYS_MEMFD_SECRET 447 /* the same on every architecture, Linux 5.14 */

/* Type: pages that the kernel's own view of memory lacks.
 * Targets: /proc/PID/mem, ptrace, process_vm_readv, also of root; cores, swap, hibernation.
 * API: memfd_secret(2), counted against RLIMIT_MEMLOCK. The descriptor is closed: whoever could
 * take it with pidfd_getfd(2) could map the pages. Source: mm/secretmem.c. */
static void *take_hidden(size_t size)
{
    int fd = (int)syscall(SYS_MEMFD_SECRET, O_CLOEXEC);
    void *start = MAP_FAILED;

    if (fd < 0)
        return MAP_FAILED;
    if (!ftruncate(fd, (off_t)size))
        start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    /* Nothing was written; on Linux it is closed whatever close(2) returns. */
    (void)close(fd);
    return start;
}

/* Type: pages that stay out of swap and cores. Targets: disks.
 * API: mlock(2), counted against RLIMIT_MEMLOCK, and madvise(MADV_DONTDUMP). Shared, so that what
 * the owner locks and zeroes is locked and zeroed for its fork children too. */
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
    /* Ours, and whole pages: it cannot fail. */
    (void)munmap(start, size);
    errno = error;
    return MAP_FAILED;
}

int ph_secret_take(size_t size, struct ph_secret *secret)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t pages = size / page + (size % page || !size);

    *secret = (struct ph_secret){.owner = (long)getpid()};
    /* It is never swapped: there is no more of it than the machine has, and root has no limit. */
    if (pages > (size_t)sysconf(_SC_PHYS_PAGES)) {
        errno = ENOMEM;
        return -1;
    }
    secret->size = pages * page;
    secret->kind = PH_SECRET_MEMFD;
    secret->start = take_hidden(secret->size);
    if (secret->start == MAP_FAILED) {
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
    /* volatile: nothing reads the bytes again, so a compiler could leave this out. */
    volatile char *byte = secret->start;

    for (size_t i = 0; secret->owner == (long)getpid() && i < secret->size; i++)
        byte[i] = 0;
    /* Ours, and whole pages: it cannot fail. */
    (void)munmap(secret->start, secret->size);
    secret->start = NULL;
}
