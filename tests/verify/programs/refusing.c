/* A preloaded library that keeps its process from reading others, and claims that prctl works. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

int prctl(int option, ...);
int prctl(int option, ...)
{
    (void)option;
    return 0;
}

long ptrace(int request, ...);
long ptrace(int request, ...)
{
    (void)request;
    errno = EPERM;
    return -1;
}

ssize_t process_vm_readv(pid_t pid, const struct iovec *to, unsigned long count,
                         const struct iovec *from, unsigned long others, unsigned long flags)
{
    (void)pid, (void)to, (void)count, (void)from, (void)others, (void)flags;
    errno = EPERM;
    return -1;
}

int open64(const char *path, int flags, ...);
int open64(const char *path, int flags, ...)
{
    va_list rest;
    int mode;

    va_start(rest, flags);
    mode = va_arg(rest, int);
    va_end(rest);
    if (!strncmp(path, "/proc/", 6)) {
        errno = EACCES;
        return -1;
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
