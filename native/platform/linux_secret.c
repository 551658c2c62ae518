/* Linux and Android. */
#define _GNU_SOURCE
#include "../secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define SYS_MEMFD_SECRET 447 /* the same on every architecture, Linux 5.14 */

/* API: memfd_secret(2). The descriptor is closed: whoever could take it with pidfd_getfd(2) could
 * map the pages. Mapped aside first, because a failing mmap(MAP_FIXED) leaves a hole. */
static int lay_secret_pages(void *pages, size_t size)
{
    int fd = (int)syscall(SYS_MEMFD_SECRET, O_CLOEXEC);
    void *aside = MAP_FAILED;
    void *moved = MAP_FAILED;
    int error;

    if (fd < 0)
        return -1;
    if (!ftruncate(fd, (off_t)size))
        aside = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    error = errno;
    /* Nothing was written; on Linux it is closed whatever close(2) returns. */
    (void)close(fd);
    if (aside != MAP_FAILED) {
        moved = mremap(aside, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, pages);
        error = errno;
    }
    if (aside != MAP_FAILED && moved == MAP_FAILED) {
        /* The move may have made room already. Refilling it cannot meet anything that is there. */
        (void)mmap(pages, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1,
                   0);
        /* Ours, and whole pages: it cannot fail. */
        (void)munmap(aside, size);
    }
    errno = error;
    return moved == MAP_FAILED ? -1 : 0;
}

int ph_secret_protect(void *pages, size_t size)
{
    if (!lay_secret_pages(pages, size))
        return PH_SECRET_MEMFD;
    if (mlock(pages, size))
        return -1;
    if (madvise(pages, size, MADV_DONTDUMP)) {
        int error = errno;

        /* They were locked a moment ago. */
        (void)munlock(pages, size);
        errno = error;
        return -1;
    }
    return PH_SECRET_LOCKED;
}
