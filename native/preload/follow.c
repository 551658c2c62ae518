/* When this process executes another program, adds the library to that program's environment. A
 * child created by fork or vfork has a different pid, so its exec calls are left alone. The first
 * process of a pid namespace is an exception: it takes the first one of a new namespace for
 * itself, and follows it. */
#define _GNU_SOURCE
#include "follow.h"

#include "../core/hardening.h"
#include "../core/text.h"
#include "../exec/handover.h"
#include "../exec/linux_file.h"
#include "own_name.h"
#include "target.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define PRELOAD "LD_PRELOAD="
#define SMALLEST_PAGE 4096
#define NO_PAGE 1 /* not the start of a page */

#define UNKNOWN_PID -1
#define NOWHERE ((char *const *)(uintptr_t)1)

static char library[PH_PATH];
static char bypass_entry[sizeof PH_BYPASS_NAME_VARIABLE + PH_BYPASS_SIZE]; /* or "" */
static char except_entry[PH_LIST_SIZE]; /* or "" */
static long followed; /* the pid of the process to follow, UNKNOWN_PID, or 0 for none */
static int has_children; /* whether children load the library, too */
static struct ph_statx root; /* the root directory when this process started */

/* getpid(2) cannot fail, so a result that is not a pid comes from a seccomp filter. */
static long read_pid(void)
{
    const long pid = ph_syscall(SYS_getpid, 0, 0, 0, 0, 0);

    return pid > 0 ? pid : UNKNOWN_PID;
}

/* Whether this is a child created by fork or vfork. If that is unknown, the caller counts as the
 * process that is followed. */
static int is_child(void)
{
    const long pid = read_pid();

    return followed > 0 && pid > 0 && pid != followed;
}

/* Where both loaders split a list. musl's also splits at other blanks. */
static int is_end(char c)
{
    return !c || c == ':' || c == ' ';
}

/* Returns the end of the first path in a list, where musl would split it. */
static const char *end_of_path(const char *list)
{
    while (!is_end(*list) && (*list < '\t' || *list > '\r'))
        list++;
    return list;
}

int ph_follow(const char *libraries, int children, const char *bypass, const char *except)
{
    struct ph_text entry = PH_TEXT(bypass_entry), excepted = PH_TEXT(except_entry);

    followed = 0;
    has_children = children;
    (void)ph_stat(AT_FDCWD, "/", 0, &root);
    if (bypass) {
        ph_add(&entry, PH_BYPASS_NAME_VARIABLE "=");
        ph_add(&entry, bypass);
        if (entry.cut) /* the name is too long: there is no bypass */
            bypass_entry[sizeof PH_BYPASS_NAME_VARIABLE] = '\0';
    }
    *except_entry = '\0';
    if (except) {
        ph_add(&excepted, PH_EXCEPT_VARIABLE "=");
        ph_add(&excepted, except);
        if (excepted.cut) /* a list that is too long: no exceptions */
            *except_entry = '\0';
    }
    for (const char *end; *libraries && !followed; libraries = end + (*end != '\0')) {
        struct ph_text text = PH_TEXT(library);

        end = end_of_path(libraries);
        ph_add_bytes(&text, libraries, (size_t)(end - libraries));
        if (!text.cut && ph_equal(ph_basename(library), PH_LIBRARY_NAME))
            followed = read_pid();
    }
    return followed != 0;
}

/* Whether the memory at an address can be read. For an unreadable environment, the kernel reports
 * EFAULT, and this library must not crash instead. page -- the last page that was readable */
static int is_readable(const void *address, uintptr_t *page)
{
    const uintptr_t at = (uintptr_t)address & -(uintptr_t)SMALLEST_PAGE;
    const uintptr_t aligned = (uintptr_t)address & -(uintptr_t)sizeof(uint64_t);
    const long no_such_action = -1;

    if (at == *page)
        return 1;
    /* The kernel reads 8 bytes as a signal set, then rejects the invalid action. */
    if (ph_syscall(SYS_rt_sigprocmask, no_such_action, (long)aligned, 0, sizeof(uint64_t), 0) ==
        -EFAULT)
        return 0;
    *page = at;
    return 1;
}

/* Returns the part of an entry after prefix, or NULL. Sets *is_bad if the entry cannot be read. */
static const char *read_after(const char *entry, const char *prefix, uintptr_t *page,
                              int *is_bad)
{
    for (;; entry++, prefix++) {
        *is_bad = !is_readable(entry, page);
        if (*is_bad || (*prefix && *entry != *prefix))
            return NULL;
        if (!*prefix)
            return entry;
    }
}

struct environment {
    char *const *entries;
    size_t count;
    size_t preloads;     /* how many LD_PRELOAD entries there are */
    size_t place;        /* of the last */
    const char *preload; /* its value, or NULL */
    int hardens_children;
};

/* Returns 0, or -1 if neither this process nor the kernel can read the environment. */
static int read_environment(struct environment *environment)
{
    uintptr_t array = NO_PAGE, page = NO_PAGE;
    int is_bad = 0;

    for (char *const *at = environment->entries; at && !is_bad; at++) {
        const char *value;

        if (!is_readable(at, &array))
            return -1;
        if (!*at)
            break;
        value = read_after(*at, PRELOAD, &page, &is_bad);
        if (value) { /* of several, glibc's loader takes the last, and musl's the first */
            environment->preloads++;
            environment->preload = value;
            environment->place = environment->count;
        } else if (!is_bad) {
            value = read_after(*at, PH_CHILDREN_VARIABLE "=1", &page, &is_bad);
            environment->hardens_children |= value && !*value;
        }
        environment->count++;
    }
    return is_bad ? -1 : 0;
}

/* Whether both loaders find the library's name in a value of LD_PRELOAD. */
static int names_library(const char *list)
{
    for (; *list; list += *list != '\0') {
        const char *rest = ph_after(list, library);

        if (rest && is_end(*rest))
            return 1;
        while (!is_end(*list))
            list++;
    }
    return 0;
}

/* Whether an error means that this process cannot see a file. */
static int is_absent(long error)
{
    return error == -ENOENT || error == -ENOTDIR || error == -EACCES || error == -ELOOP;
}

/* Whether the next program can open our library: a descriptor is free now, or exec will close
 * one. */
static int has_descriptor(void)
{
    uint64_t limit[2] = {0, 0};
    long flags = 0;
    uint64_t fd = 0;

    (void)ph_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)limit, 0);
    for (; fd < limit[0]; fd++) {
        flags = ph_syscall(SYS_fcntl, (long)fd, F_GETFD, 0, 0, 0);
        if (flags < 0 || flags & FD_CLOEXEC)
            return 1;
    }
    return 0;
}

/* Checks as far as possible that the next program can load our library, since musl's loader fails
 * silently. Returns 0, or a negative errno value, which is -ELIBACC if the library is missing. */
static long check_library(void)
{
    struct ph_statx file = {0};
    const long fd = PH_CALL(SYS_openat, AT_FDCWD, library, O_RDONLY | O_CLOEXEC);
    long error;

    if (fd >= 0) {
        error = ph_check_loadable(fd);
        (void)ph_syscall(SYS_close, fd, 0, 0, 0, 0);
        return error;
    }
    if (fd == -EMFILE)
        return has_descriptor() ? 0 : -EMFILE;
    if (!is_absent(fd))
        return 0;
    /* Check again with a call whose results a seccomp filter cannot fill in. */
    if (is_absent(ph_stat(AT_FDCWD, library, 0, &file)))
        return -ELIBACC;
    return !file.mode || file.mode & (S_IRUSR | S_IRGRP | S_IROTH) ? 0 : -ELIBACC;
}

/* Whether chroot(2) or a mount namespace shows this process different files than when it
 * started. */
static int has_other_root(void)
{
    struct ph_statx now = {0};

    (void)ph_stat(AT_FDCWD, "/", 0, &now);
    return now.inode != root.inode || now.mount != root.mount ||
           now.device_major != root.device_major || now.device_minor != root.device_minor;
}

/* What to add to an environment. */
struct addition {
    struct ph_elf elf;    /* of the program; its sanitizer's library comes before ours */
    const char *own_name; /* of an image in memory that re-executes itself, or NULL */
    int is_for_child;     /* its environment is the choice of this process */
    int is_named;         /* LD_PRELOAD names our library already */
    int is_lasting;       /* our library stays in LD_PRELOAD for the program's children too */
};
#define MOST_ADDED 4 /* entries */
#define SMALL 256    /* pointers */

/* A changed copy of an environment. A child of vfork uses the memory of its parent, and a mapping
 * would stay there after the exec, so a small copy is on the stack. */
struct copy {
    char *small[SMALL];
    char **entries;     /* NULL: nothing has to change */
    size_t mapped_size; /* 0: the copy is on the stack */
};

/* Begins the next entry after the NUL of the previous one. */
static void add_entry(char **entries, size_t *count, struct ph_text *text, const char *name)
{
    text->length += text->length != 0;
    entries[(*count)++] = text->buffer + text->length;
    ph_add(text, name);
}

/* Whether the library would start anew from the environment, as in a child, instead of continuing
 * what it did in this process (preload.c). */
static int starts_anew(const struct addition *added)
{
    return added->is_named || added->is_lasting;
}

/* Whether an entry is left out: a second LD_PRELOAD, a marker that is not ours, and what this
 * process set to exempt the program that it becomes, even if `harden` was started without such an
 * option. page -- as in is_readable() */
static int is_left_out(const char *entry, const struct addition *added, uintptr_t *page)
{
    const char *const names[] = {
        PRELOAD,
        PH_FOLLOW_VARIABLE "=",
        !added->is_for_child ? PH_BYPASS_NAME_VARIABLE "=" : PRELOAD,
        !added->is_for_child && starts_anew(added) ? PH_EXCEPT_VARIABLE "=" : PRELOAD,
    };
    int is_bad = 0; /* then the kernel reports it */

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (read_after(entry, names[i], page, &is_bad))
            return 1;
    return 0;
}

/* Writes the environment with the library into memory: the pointers, then the new entries.
 * LD_PRELOAD keeps its position. Its value names the program's own libraries before ours: some do
 * not work otherwise, and those with their own exec functions can then call ours. */
static void write_environment(const struct environment *old, const struct addition *added,
                              char **memory, size_t size)
{
    char *strings = (char *)(memory + old->count + MOST_ADDED + 1);
    struct ph_text text = {strings, (size_t)((char *)memory + size - strings), 0, 0};
    size_t count = 0, place = 0;
    uintptr_t page = NO_PAGE;

    for (size_t i = 0; i < old->count; i++)
        if (old->preload && i == old->place)
            place = count++;
        else if (!is_left_out(old->entries[i], added, &page))
            memory[count++] = old->entries[i];
    add_entry(memory, old->preload ? &place : &count, &text, PRELOAD);
    ph_add_libraries(&text, added->is_named ? NULL : old->preload, added->elf.sanitizer,
                     added->is_named ? old->preload : library);
    if (!starts_anew(added)) {
        add_entry(memory, &count, &text, PH_FOLLOW_VARIABLE "=");
        ph_add_follow(&text, old->preload);
    } else if (!added->is_for_child && *except_entry) {
        add_entry(memory, &count, &text, except_entry);
    }
    if (*bypass_entry && !(added->is_for_child && starts_anew(added)))
        add_entry(memory, &count, &text, bypass_entry);
    if (added->own_name) {
        add_entry(memory, &count, &text, PH_PROGRAM_VARIABLE "=");
        ph_add(&text, added->own_name);
    }
    memory[count] = NULL;
}

/* If the environment has to change, makes a copy with the library. Returns 0 or a negative errno
 * value. */
static long add_library(long folder, const char *path, char *const *envp, int flags,
                        struct copy *copy)
{
    const int child = is_child();
    struct environment old = {.entries = envp};
    struct addition added = {.own_name = ph_own_name_of(folder, path, flags)};
    long error, mapped, followable;
    size_t size;

    if (child && !has_children && !added.own_name)
        return 0;
    if (read_environment(&old))
        return -EFAULT;
    added.is_named = old.preload && names_library(old.preload);
    added.is_lasting = has_children && old.hardens_children;
    if (child && !added.is_named && !added.is_lasting && !added.own_name)
        return 0;
    followable = ph_is_followable(folder, path, flags, &added.elf);
    if (followable <= 0) /* a child that cannot be hardened is started all the same */
        return child ? 0 : followable;
    error = check_library();
    if (error)
        return error == -ELIBACC && has_other_root() ? 0 : error;
    added.is_for_child = child;
    if (child && added.is_named && old.preloads == 1 && !*added.elf.sanitizer && !added.own_name)
        return 0;
    size = (old.count + MOST_ADDED + 1) * sizeof *old.entries + sizeof PRELOAD +
           ph_length(library) + PH_SANITIZER + sizeof PH_FOLLOW_VARIABLE + 32 +
           ph_length(bypass_entry) + 1 + ph_length(except_entry) + 1;
    if (old.preload)
        size += ph_length(old.preload);
    if (added.own_name)
        size += sizeof PH_PROGRAM_VARIABLE + ph_length(added.own_name);
    copy->entries = copy->small;
    if (size > sizeof copy->small) {
        mapped = ph_map(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (ph_is_error(mapped))
            return mapped ? mapped : -ENOMEM;
        copy->entries = (char **)mapped;
        copy->mapped_size = size;
    }
    write_environment(&old, &added, copy->entries, size);
    return 0;
}

long ph_execute_followed(long folder, const char *path, char *const *argv, char *const *envp,
                         int flags)
{
    struct copy copy;
    long error = 0;

    copy.entries = NULL;
    copy.mapped_size = 0;
    if (followed)
        error = add_library(folder, path, envp, flags, &copy);
    if (error == -EFAULT)
        envp = NOWHERE; /* the kernel reports it, unless it finds another error first */
    else if (error)
        return error;
    if (copy.entries)
        envp = copy.entries;
    if (folder == AT_FDCWD && !flags)
        error = ph_syscall(SYS_execve, (long)path, (long)argv, (long)envp, 0, 0);
    else
        error = ph_syscall(SYS_execveat, folder, (long)path, (long)argv, (long)envp, flags);
    if (copy.mapped_size)
        (void)ph_syscall(SYS_munmap, (long)copy.entries, (long)copy.mapped_size, 0, 0, 0);
    return error;
}
