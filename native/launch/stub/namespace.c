/* Makes a user namespace in which its user has his own ids and all capabilities, says so by one
 * byte on descriptor 0, and keeps it until the other end is closed. The launcher cannot do this
 * itself: only a dumpable process may write its own uid_map. It is not trusted with anything: it
 * gets no environment and no other descriptor. */
#define _GNU_SOURCE
#include "../../core/text.h"
#include "entry.h"

#include <fcntl.h>
#include <sched.h>

static void stop_unless(int went_well)
{
    if (!went_well)
        ph_quit(1);
}

static void write_file(const char *path, const char *text)
{
    const long fd = ph_syscall(SYS_openat, AT_FDCWD, (long)path, O_WRONLY | O_CLOEXEC, 0, 0);
    const long length = (long)ph_length(text);

    stop_unless(fd >= 0 && ph_syscall(SYS_write, fd, (long)text, length, 0, 0) == length);
    (void)ph_syscall(SYS_close, fd, 0, 0, 0, 0);
}

/* One id, which is the same inside and outside. */
static void map_id(const char *path, long id)
{
    char buffer[64];
    struct ph_text text = PH_TEXT(buffer);

    ph_add_number(&text, (unsigned long)id);
    ph_add(&text, " ");
    ph_add_number(&text, (unsigned long)id);
    ph_add(&text, " 1");
    write_file(path, buffer);
}

uintptr_t ph_start(uintptr_t *stack)
{
    const long user = ph_syscall(SYS_geteuid, 0, 0, 0, 0, 0);
    const long group = ph_syscall(SYS_getegid, 0, 0, 0, 0, 0);
    char byte = 0;

    (void)stack;
    stop_unless(!ph_syscall(SYS_unshare, CLONE_NEWUSER, 0, 0, 0, 0));
    write_file("/proc/self/setgroups", "deny");
    map_id("/proc/self/uid_map", user);
    map_id("/proc/self/gid_map", group);
    stop_unless(ph_syscall(SYS_write, 0, (long)&byte, 1, 0, 0) == 1);
    /* Returns at the end of the launcher at the latest. */
    (void)ph_syscall(SYS_read, 0, (long)&byte, 1, 0, 0);
    ph_quit(0);
}
