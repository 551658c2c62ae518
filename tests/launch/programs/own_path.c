/* Prints what libc says of its own path, and of other links, by each function. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __GLIBC__
/* What the fortified headers call. */
extern ssize_t __readlink_chk(const char *, char *, size_t, size_t);
extern ssize_t __readlinkat_chk(int, const char *, char *, size_t, size_t);
extern char *__realpath_chk(const char *, char *, size_t);
#endif

static char buffer[PATH_MAX];

static void print_text(const char *what, const char *path, const char *text)
{
    printf("%s %s: %s %d\n", what, path, text ? text : "-", text ? 0 : errno);
}

static void print_link(const char *what, const char *path, ssize_t length)
{
    buffer[length < 0 ? 0 : length] = '\0';
    printf("%s %s: %ld %s %d\n", what, path, (long)length, buffer, length < 0 ? errno : 0);
}

static void print_all(const char *path)
{
    const size_t size = sizeof buffer - 1;

    print_link("readlink", path, readlink(path, buffer, size));
    print_link("readlink of 5", path, readlink(path, buffer, 5));
    print_link("readlinkat", path, readlinkat(AT_FDCWD, path, buffer, size));
    print_text("realpath", path, realpath(path, NULL));
    print_text("realpath in a buffer", path, realpath(path, buffer));
#ifdef __GLIBC__
    print_link("__readlink_chk", path, __readlink_chk(path, buffer, size, sizeof buffer));
    print_link("__readlinkat_chk", path,
               __readlinkat_chk(AT_FDCWD, path, buffer, size, sizeof buffer));
    print_text("__realpath_chk", path, __realpath_chk(path, buffer, sizeof buffer));
    print_text("canonicalize_file_name", path, canonicalize_file_name(path));
#endif
}

int main(void)
{
    char own[64];
    const int folder = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);

    print_all("/proc/self/exe");
    print_all("/proc/thread-self/exe");
    print_all("/proc/self/../self/exe");
    print_all("/nonexistent");
    print_all("/usr/../bin/sh");
    print_all("/proc/self/fd/99");
    print_all("");
    snprintf(own, sizeof own, "/proc/%d/exe", (int)getpid());
    printf("by pid %s\n", realpath(own, buffer));
    print_link("by descriptor", "exe", readlinkat(folder, "exe", buffer, sizeof buffer - 1));
    errno = 0;
    printf("bad address %ld %d\n", (long)readlink("/proc/self/exe", (char *)16, 100), errno);
    return 0;
}
