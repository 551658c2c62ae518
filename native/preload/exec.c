/* Replaces the exec functions of libc with ones that call ph_execute_followed(). posix_spawn(3),
 * system(3) and popen(3) start children, so they are left to libc. */
#define _GNU_SOURCE
#include "../core/hardening.h"
#include "../core/platform.h"
#include "../core/text.h"
#include "../exec/linux_file.h"
#include "follow.h"
#include "libc.h"

#include <errno.h>
#include <stdarg.h>

#define SHELL "/bin/sh"
#define LONGEST_NAME 255 /* NAME_MAX */

/* Only glibc has this function. It tells glibc from musl, whose execvp(3) is different. */
extern const char *gnu_get_libc_version(void) __attribute__((weak));

static char **inherited(void)
{
    return *ph_platform_environ();
}

static long execute(const char *path, char *const *argv, char *const *envp)
{
    return ph_execute_followed(AT_FDCWD, path, argv, envp, 0);
}

/* glibc passes a file without "#!" to the shell. */
static long execute_or_interpret(const char *path, char *const *argv, char *const *envp)
{
    const long error = execute(path, argv, envp);
    size_t count = 0;

    if (error != -ENOEXEC || !gnu_get_libc_version)
        return error;
    while (argv[count])
        count++;
    {
        char *words[count + 3];

        words[0] = (char *)(uintptr_t)SHELL;
        words[1] = (char *)(uintptr_t)path;
        words[2] = NULL; /* if argv is empty */
        for (size_t i = 1; i <= count; i++)
            words[i + 1] = argv[i];
        return execute(SHELL, words, envp);
    }
}

/* Whether to try the next directory in PATH after this error. */
static int goes_on(long error)
{
    if (error == -EACCES || error == -ENOENT || error == -ENOTDIR)
        return 1;
    return gnu_get_libc_version && (error == -ESTALE || error == -ENODEV || error == -ETIMEDOUT);
}

/* Tries the directories of a list. most -- the greatest length of a path: a larger buffer might not
 * fit on the small stack of a signal handler */
static long search_folders(const char *folders, const char *file, size_t most, char *const *argv,
                           char *const *envp)
{
    char path[most + 1];
    long error = -ENOENT;
    int is_denied = 0;

    for (;; folders++) {
        struct ph_text text = PH_TEXT(path);

        for (; *folders && *folders != ':'; folders++) {
            ph_add_bytes(&text, folders, 1);
        }
        if (text.length)
            ph_add(&text, "/");
        ph_add(&text, file);
        if (!text.cut) {
            error = execute_or_interpret(path, argv, envp);
            is_denied |= error == -EACCES;
            if (!goes_on(error))
                return error;
        }
        if (!*folders)
            return is_denied ? -EACCES : error;
    }
}

/* Works like execvpe(3). Source: glibc's posix/execvpe.c, musl's src/process/execvp.c. */
static long search(const char *file, char *const *argv, char *const *envp)
{
    const char *folders = ph_environment_value("PATH");
    size_t length = 0, most = 0;

    if (!*file)
        return -ENOENT;
    if (ph_basename(file) != file)
        return execute_or_interpret(file, argv, envp);
    for (; file[length]; length++)
        if (length == LONGEST_NAME)
            return -ENAMETOOLONG;
    if (!folders)
        folders = gnu_get_libc_version ? "/bin:/usr/bin" : "/usr/local/bin:/bin:/usr/bin";
    while (most < PH_PATH && folders[most])
        most++;
    return search_folders(folders, file, most + 1 + length, argv, envp);
}

PH_EXPORT int execve(const char *path, char *const *argv, char *const *envp)
{
    return (int)ph_return(execute(path, argv, envp));
}

PH_EXPORT int execv(const char *path, char *const *argv)
{
    return (int)ph_return(execute(path, argv, inherited()));
}

PH_EXPORT int execvpe(const char *file, char *const *argv, char *const *envp)
{
    return (int)ph_return(search(file, argv, envp));
}

PH_EXPORT int execvp(const char *file, char *const *argv)
{
    return (int)ph_return(search(file, argv, inherited()));
}

PH_EXPORT int execveat(int folder, const char *path, char *const *argv, char *const *envp,
                       int flags)
{
    return (int)ph_return(ph_execute_followed(folder, path, argv, envp, flags));
}

PH_EXPORT int fexecve(int fd, char *const *argv, char *const *envp)
{
    char link[PH_LINK];
    long error;

    if (gnu_get_libc_version && (fd < 0 || !argv || !envp))
        return (int)ph_return(-EINVAL);
    error = ph_execute_followed(fd, "", argv, envp, AT_EMPTY_PATH);
    if (error != -ENOSYS)
        return (int)ph_return(error);
    return (int)ph_return(execute(ph_link(fd, link), argv, envp));
}

/* Counts the arguments of execl(3) and similar functions, including first. */
static size_t count_words(const char *first, va_list *rest)
{
    size_t count = 0;

    for (const char *word = first; word; word = va_arg(*rest, const char *))
        count++;
    return count;
}

/* Fills in argv: first, then the arguments after it, which are read here a second time. */
static void collect(char **argv, const char *first, size_t count, va_list *rest)
{
    argv[0] = (char *)(uintptr_t)first;
    for (size_t i = 1; i <= count; i++)
        argv[i] = va_arg(*rest, char *);
}

#define COLLECT(argv, first)                                                                       \
    va_list rest;                                                                                  \
    size_t count;                                                                                  \
    va_start(rest, first);                                                                         \
    count = count_words(first, &rest);                                                             \
    va_end(rest);                                                                                  \
    char *argv[count + 1];                                                                         \
    va_start(rest, first);                                                                         \
    collect(argv, first, count, &rest)

PH_EXPORT int execl(const char *path, const char *first, ...)
{
    COLLECT(argv, first);
    va_end(rest);
    return (int)ph_return(execute(path, argv, inherited()));
}

PH_EXPORT int execlp(const char *file, const char *first, ...)
{
    COLLECT(argv, first);
    va_end(rest);
    return (int)ph_return(search(file, argv, inherited()));
}

PH_EXPORT int execle(const char *path, const char *first, ...)
{
    char *const *envp;

    COLLECT(argv, first);
    envp = va_arg(rest, char *const *);
    va_end(rest);
    return (int)ph_return(execute(path, argv, envp));
}
