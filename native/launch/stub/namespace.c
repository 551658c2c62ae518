/* Creates a user namespace in which the user keeps their ids and has all capabilities. Reports this
 * with one byte on descriptor 0, a socket, and keeps the namespace until the other end is closed.
 * The launcher cannot do this itself: only a dumpable process can write its own uid_map. The helper
 * is not trusted: it gets no environment and no other descriptor. */
#define _GNU_SOURCE
#include "../../core/platform/linux_ids.h"
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
    const long fd = PH_CALL(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC);
    const long length = (long)ph_length(text);

    stop_unless(fd >= 0 && PH_CALL(SYS_write, fd, text, length) == length);
    (void)PH_CALL(SYS_close, fd);
}

/* Maps one id, which is the same inside and outside the namespace. */
static void map_id(const char *path, uint32_t id)
{
    char buffer[64];
    struct ph_text text = PH_TEXT(buffer);

    ph_add_number(&text, id);
    ph_add(&text, " ");
    ph_add_number(&text, id);
    ph_add(&text, " 1");
    write_file(path, buffer);
}

uintptr_t ph_start(uintptr_t *stack)
{
    const uint32_t user = ph_effective_user();
    const uint32_t group = ph_effective_group();
    char byte = 0;

    (void)stack;
    stop_unless(!PH_CALL(SYS_unshare, CLONE_NEWUSER));
    write_file("/proc/self/setgroups", "deny");
    map_id("/proc/self/uid_map", user);
    map_id("/proc/self/gid_map", group);
    stop_unless(PH_CALL(SYS_write, 0, &byte, 1) == 1);
    /* Waits until the launcher exits or closes its end. */
    (void)PH_CALL(SYS_read, 0, &byte, 1);
    ph_quit(0);
}
