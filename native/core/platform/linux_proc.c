/* Linux: what /proc and a pidfd report about this process, to check what prctl(2) reports. */
#define _GNU_SOURCE
#include "linux_proc.h"

#include "../text.h"
#include "linux_statx.h"
#include "linux_syscall.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434 /* Linux 5.3; older headers lack it */
#endif

/* Makes a call that returns a descriptor. A seccomp filter can fake the answer 0, the descriptor of
 * standard input, which can be any file. If the kernel really returned 0, a second call returns
 * another descriptor. */
static long open_by(long number, long a, long b, long c)
{
    const long fd = ph_syscall(number, a, b, c, 0, 0);
    long again;

    if (fd)
        return fd;
    again = ph_syscall(number, a, b, c, 0, 0);
    if (!again)
        return -EIO;
    (void)ph_syscall(SYS_close, fd, 0, 0, 0, 0);
    return again;
}

static long open_file(const char *path, int flags)
{
    return open_by(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC | flags);
}

long ph_read_file(const char *path, char *buffer, size_t size)
{
    const long fd = open_file(path, 0);
    long length;

    if (fd < 0)
        return fd;
    length = ph_syscall(SYS_read, fd, (long)buffer, (long)(size - 1), 0, 0);
    /* Linux frees the descriptor even if close(2) fails. */
    (void)ph_syscall(SYS_close, fd, 0, 0, 0, 0);
    if (length >= 0)
        buffer[length] = '\0';
    return length;
}

const char *ph_find_after(const char *text, const char *label)
{
    for (; *text; text++) {
        const char *rest = ph_after(text, label);

        if (rest)
            return rest;
    }
    return NULL;
}

const char *ph_parse_number(const char *text, uint64_t *number)
{
    while (*text == ' ' || *text == '\t')
        text++;
    if (*text < '0' || *text > '9')
        return NULL;
    for (*number = 0; *text >= '0' && *text <= '9'; text++) {
        if (*number > UINT64_MAX / 10 || *number * 10 > UINT64_MAX - (uint64_t)(*text - '0'))
            return NULL;
        *number = *number * 10 + (uint64_t)(*text - '0');
    }
    return text;
}

long ph_read_stat(int first, uint64_t *numbers, int count)
{
    char text[2048];
    const char *at = NULL;
    const long length = ph_read_file("/proc/self/stat", text, sizeof text);

    if (length < 0)
        return length;
    /* The command name, field 2, ends at the last ")"; it may contain ")" and blanks. */
    for (const char *c = text; *c; c++)
        if (*c == ')')
            at = c;
    for (int field = 2; at && *at && field < first; at++)
        field += *at == ' ';
    for (; at && count; count--)
        at = ph_parse_number(at, numbers++);
    return at ? 0 : -ENOSYS;
}

/* Returns a number (a pid, a mode or a count) from the line of a status file that begins with
 * label. place is the position of the number in the line, counted from 0. Returns missing if there
 * is no such line, or -1 if the line has no such number. */
static int64_t find_number(const char *text, const char *label, int place, int64_t missing)
{
    const char *at = ph_find_after(text, label);
    uint64_t number = 0;

    if (!at)
        return missing;
    for (; at && place >= 0; place--)
        at = ph_parse_number(at, &number);
    return at && number <= INT32_MAX ? (int64_t)number : -1;
}

/* Source: proc_pid_status(5). */
long ph_read_thread(const char *path, struct ph_thread *thread)
{
    char text[4096];
    const long length = ph_read_file(path, text, sizeof text);
    int is_whole;

    *thread = (struct ph_thread){-1, -1, -1, -1, -1};
    if (length <= 0)
        return length ? length : -EIO;
    /* Thousands of groups can push the end of the file out of the buffer. */
    is_whole = length < (long)sizeof text - 1;
    thread->tracer = find_number(text, "\nTracerPid:", 0, -1);
    /* A kernel without seccomp has no such line. */
    thread->seccomp = (int)find_number(text, "\nSeccomp:", 0, is_whole ? 0 : -1);
    thread->filters = find_number(text, "\nSeccomp_filters:", 0, -1);
    thread->threads = find_number(text, "\nThreads:", 0, -1);
    thread->user = find_number(text, "\nUid:", 1, -1);
    return 0;
}

/* Where fields begin in an entry of a folder, which getdents64(2) writes as bytes. */
#define ENTRY_LENGTH 16
#define ENTRY_NAME 19

static uint16_t read_entry_length(const char *entry)
{
    const union {
        char bytes[2];
        uint16_t number;
    } length = {{entry[ENTRY_LENGTH], entry[ENTRY_LENGTH + 1]}};

    return length.number;
}

/* Counts the threads in one part of the list. Returns the first tracer found, 0, or an error. */
static long find_tracer(const char *list, long length, int *threads, int *ended)
{
    for (long at = 0; at < length;) {
        const char *name = list + at + ENTRY_NAME;
        const uint16_t size = read_entry_length(list + at);
        char path[64];
        struct ph_text text = PH_TEXT(path);
        struct ph_thread thread;
        long error;

        if (!size) /* not written by the kernel */
            return -EIO;
        at += size;
        if (*name == '.')
            continue;
        ph_add(&text, "/proc/self/task/");
        ph_add(&text, name);
        ph_add(&text, "/status");
        error = ph_read_thread(path, &thread);
        if (!error && thread.tracer)
            return thread.tracer < 0 ? -ENOSYS : (long)thread.tracer;
        if (error && error != -ENOENT && error != -ESRCH)
            return error;
        *threads += !error;
        *ended += error != 0;
    }
    return 0;
}

/* One pass over the threads. A filter can answer 0 for getdents64(2), which looks like the end of
 * the list, so the number of threads found must match the process's own count. */
static long walk_threads(int *ended)
{
    char list[4096] = {0};
    const long fd = open_file("/proc/self/task", O_DIRECTORY);
    long length = fd < 0 ? fd : 1, tracer = 0;
    struct ph_thread own = {0};
    int threads = 0;

    while (length > 0 && !tracer) {
        length = ph_syscall(SYS_getdents64, fd, (long)list, sizeof list, 0, 0);
        tracer = find_tracer(list, length, &threads, ended);
    }
    if (fd >= 0)
        (void)ph_syscall(SYS_close, fd, 0, 0, 0, 0);
    if (!tracer && length >= 0)
        length = ph_read_thread(PH_OWN_THREAD, &own);
    if (tracer || length < 0)
        return tracer ? tracer : length;
    *ended += own.threads > threads; /* some were not listed, or have started since */
    return threads ? 0 : -EIO;
}

#define MOST_WALKS 100

/* A thread that exits during a walk may pass its tracer to a thread that was not listed, so
 * another walk follows. */
long ph_read_tracer(void)
{
    for (int left = MOST_WALKS; left; left--) {
        int ended = 0;
        const long tracer = walk_threads(&ended);

        if (tracer || !ended)
            return tracer;
    }
    return -EAGAIN;
}

int ph_confirm_unreadable(uint32_t mode, uint32_t owner)
{
    struct ph_thread own;

    if (ph_read_thread(PH_OWN_THREAD, &own))
        return 0;
    return !own.seccomp || !(mode & (own.user == owner ? S_IRUSR : S_IRGRP | S_IROTH));
}

/* include/uapi/linux/pidfd.h: struct pidfd_info, up to coredump_mask. */
struct pidfd_info {
    uint64_t mask, cgroup;
    uint32_t pid, thread_group, parent, ids[8], exit_code, coredump_mask, spare;
};
#define PIDFD_INFO_COREDUMP (1u << 4)
#define PIDFD_GET_INFO (3ul << 30 | sizeof(struct pidfd_info) << 16 | 0xffu << 8 | 11u)
_Static_assert(sizeof(struct pidfd_info) == 72, "PIDFD_INFO_SIZE_VER1");

/* Returns the dumpable flag (Linux 6.16), or -1. */
static long ask_pidfd(void)
{
    /* The bits of coredump_mask: PIDFD_COREDUMP_SKIP, _USER, _ROOT. */
    static const struct {
        uint32_t bit;
        int dumpable;
    } meanings[] = {{2, 0}, {4, 1}, {8, 2}};
    struct pidfd_info info = {.mask = PIDFD_INFO_COREDUMP};
    const long pid = ph_syscall(SYS_getpid, 0, 0, 0, 0, 0);
    const long fd = open_by(SYS_pidfd_open, pid, 0, 0);

    if (fd < 0)
        return -1;
    (void)ph_syscall(SYS_ioctl, fd, (long)PIDFD_GET_INFO, (long)&info, 0, 0); /* judged by effect */
    (void)ph_syscall(SYS_close, fd, 0, 0, 0, 0);
    if (info.pid != (uint32_t)pid || !(info.mask & PIDFD_INFO_COREDUMP))
        return -1;
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (info.coredump_mask & meanings[i].bit)
            return meanings[i].dumpable;
    return -1;
}

/* Returns the uid that owns a file, or -1. */
static int64_t find_owner(const char *path)
{
    struct ph_statx file = {.uid = UINT32_MAX}; /* no user has this id; kept if the call is faked */

    (void)ph_stat(AT_FDCWD, path, 0, &file);
    return file.uid == UINT32_MAX ? -1 : (int64_t)file.uid;
}

/* When a process is not dumpable, root owns its files in /proc, but not its directory. For root's
 * own processes this shows nothing. Source: fs/proc/base.c task_dump_owner(). */
long ph_confirm_dumpable(long claimed)
{
    struct ph_thread own;
    int64_t user, owner;
    long dumpable;

    if (claimed < 0)
        return claimed;
    user = find_owner("/proc/self");
    owner = user > 0 ? find_owner("/proc/self/status") : -1;
    if (owner >= 0 && owner != user)
        return claimed;
    dumpable = ask_pidfd();
    if (dumpable >= 0)
        return dumpable;
    if (!ph_read_thread(PH_OWN_THREAD, &own) && !own.seccomp)
        return claimed; /* there is no filter that could have faked it */
    if (owner >= 0)
        return 1;
    return user == 0 ? claimed : -1;
}
