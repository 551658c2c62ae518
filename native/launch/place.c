/* Makes a place under the program's own path, in a tmpfs that is mounted nowhere. fsopen(2) needs
 * CAP_SYS_ADMIN. A process that lacks it uses a user namespace, which a helper creates. The helper
 * is not trusted: an attacker who controls it cannot access this process, which is not dumpable and
 * whose memory belongs to the user namespace in which it was started (kernel/ptrace.c
 * __ptrace_may_access()). */
#define _GNU_SOURCE
#include "place.h"

#include "../core/hardening.h"
#include "../core/platform/linux_signals.h"
#include "../core/text.h"
#include "../exec/linux_file.h"
#include "stub/stub.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* include/uapi/linux/mount.h, sched.h and close_range.h, which some libcs lack. */
#define FSOPEN_CLOSE_ON_EXEC 1
#define FSCONFIG_STRING 1
#define FSCONFIG_CREATE 6
#define FSMOUNT_CLOSE_ON_EXEC 1
#define MOUNT_NO_SUID_NO_DEV (2 | 4)
#define CLONE_AND_GIVE_PIDFD 0x1000
#define CLOSE_RANGE_ON_EXEC 4
#define HELPER_SECONDS 5
/* These are the same on every architecture: the calls are newer than the unified table. */
#define CALL_PIDFD_SEND_SIGNAL 424
#define CALL_FSOPEN 430
#define CALL_FSCONFIG 431
#define CALL_FSMOUNT 432

/* Closes what was opened here. 0 may be standard input: a filter can fake success. */
static void close_own(long fd)
{
    if (fd > 0)
        (void)PH_CALL(SYS_close, fd);
}

static long open_tmpfs(void)
{
    return PH_CALL(CALL_FSOPEN, "tmpfs", FSOPEN_CLOSE_ON_EXEC);
}

/* Makes the directories of a relative path below root. Returns a descriptor of the last one, which
 * is root itself if there are none. */
static long make_folders(long root, const char *name)
{
    long folder = root;
    char path[PH_PATH];
    struct ph_text text = PH_TEXT(path);

    ph_add(&text, name);
    for (char *part = path, *at = path; *at && folder >= 0; at++) {
        const long above = folder;
        long error;

        if (*at != '/')
            continue;
        *at = '\0';
        error = PH_CALL(SYS_mkdirat, above, part, 0711);
        folder = error ? error : PH_CALL(SYS_openat, above, part, O_PATH | O_CLOEXEC);
        if (above != root)
            close_own(above);
        part = at + 1;
    }
    return folder;
}

/* Returns a descriptor of the root of a new file system, or a negative errno value. */
static long mount_tmpfs(struct ph_place *place)
{
    const long fs = open_tmpfs();

    if (!ph_failed(place, "fsopen", fs) &&
        !ph_failed(place, "fsconfig", PH_CALL(CALL_FSCONFIG, fs, FSCONFIG_STRING, "mode", "0711")) &&
        !ph_failed(place, "fsconfig", PH_CALL(CALL_FSCONFIG, fs, FSCONFIG_CREATE))) {
        const long root = PH_CALL(CALL_FSMOUNT, fs, FSMOUNT_CLOSE_ON_EXEC, MOUNT_NO_SUID_NO_DEV);

        close_own(fs);
        (void)ph_failed(place, "fsmount", root);
        return root;
    }
    close_own(fs);
    return place->error;
}

/* Creates the directories and the file below root. The file is closed here, because a file that is
 * open for writing cannot be executed. */
static long write_file(const struct ph_contents *contents, long root, struct ph_place *place)
{
    const int flags = O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_LARGEFILE;
    const long folder = make_folders(root, place->name);
    long file;

    if (ph_failed(place, "mkdirat", folder))
        return place->error;
    file = PH_CALL(SYS_openat, folder, ph_basename(contents->path), flags, 0100);
    if (folder != root)
        close_own(folder);
    /* 0 means that a filter faked success; writing to it would overwrite standard input. */
    if (ph_failed(place, "openat", file ? file : -EIO))
        return place->error;
    (void)ph_place_fill(contents, file, place);
    (void)PH_CALL(SYS_close, file);
    return place->error;
}

/* Creates the file system, with the file in it, below place->fd. */
static long build(const struct ph_contents *contents, struct ph_place *place)
{
    const long root = mount_tmpfs(place);

    if (root < 0)
        return place->error;
    if (!ph_failed(place, "dup3", PH_CALL(SYS_dup3, root, place->fd, O_CLOEXEC)))
        (void)write_file(contents, root, place);
    close_own(root);
    return place->error;
}

/* Writes the helper's program to a file and opens it for reading. The file is in memory or, without
 * a name, in the first temporary directory that has room for it. */
static long open_helper(void)
{
    static const char *const folders[] = {NULL, "/tmp", "/dev/shm", "/var/tmp"};
    const long flags = O_TMPFILE | O_RDWR | O_CLOEXEC;
    char link[PH_LINK];
    long error = 0, fd = -1;

    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        fd = i ? PH_CALL(SYS_openat, AT_FDCWD, folders[i], flags, 0700)
               : ph_create_memfd("namespace");
        if (fd >= 0 && !ph_is_new_file(fd))
            return -EIO;
        error = fd < 0 ? fd : ph_write(fd, ph_namespace, ph_namespace_size);
        if (!error)
            break;
        (void)PH_CALL(SYS_close, fd);
    }
    if (error)
        return error;
    error = PH_CALL(SYS_openat, AT_FDCWD, ph_link(fd, link), O_RDONLY | O_CLOEXEC);
    (void)PH_CALL(SYS_close, fd);
    return error;
}

/* Starts the helper, which inherits only one end of a socket. Returns its pid. */
static long start_helper(int *pidfd, long *socket)
{
    static char *const nothing[] = {NULL};
    static char name[] = "namespace", *const argv[] = {name, NULL};
    const long program = open_helper();
    int ends[2] = {-1, -1};
    long error, pid;

    if (program < 0)
        return program;
    error = PH_CALL(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, ends);
    if (!error && ends[0] < 0)
        error = -EIO;
    *socket = ends[0];
    pid = error ? error : ph_fork(CLONE_AND_GIVE_PIDFD, pidfd);
    if (!pid) {
        /* A seccomp filter can answer 0 for close_range(2), but cannot set the close-on-exec flag.
         * ends[1] is greater than ends[0], so it is never descriptor 0. */
        if (!PH_CALL(SYS_dup3, ends[1], 0, 0) && ph_lead_to_same(ends[1], 0) &&
            !PH_CALL(CALL_CLOSE_RANGE, 1, -1, CLOSE_RANGE_ON_EXEC) &&
            PH_CALL(SYS_fcntl, ends[1], F_GETFD) == FD_CLOEXEC)
            (void)PH_CALL(SYS_execveat, program, "", argv, nothing, AT_EMPTY_PATH);
        ph_exit(1);
    }
    if (!error)
        (void)PH_CALL(SYS_close, ends[1]);
    (void)PH_CALL(SYS_close, program);
    return pid;
}

/* Whether the helper reports in time that the namespace exists. */
static int is_ready(long socket)
{
    struct pollfd question = {(int)socket, POLLIN, 0};
    long patience[2] = {HELPER_SECONDS, 0}; /* the kernel writes the remaining time here */
    long count;
    char byte;

    do /* a program that re-executes itself may get a signal here */
        count = PH_CALL(SYS_ppoll, &question, 1, patience);
    while (count == -EINTR);
    return count == 1 && PH_CALL(SYS_read, socket, &byte, 1) == 1;
}

/* Calls build() in a child that shares our descriptors, so that this process never enters the
 * namespace. namespace -- the one to enter; -1: builds nothing, but tests whether the kernel allows
 * the child to create one */
static long build_in_child(const struct ph_contents *contents, struct ph_place *place,
                           int namespace)
{
    const long pid = ph_fork(CLONE_FILES, NULL);

    if (!pid) {
        long error = namespace < 0 ? PH_CALL(SYS_unshare, CLONE_NEWUSER)
                                   : PH_CALL(SYS_setns, namespace, CLONE_NEWUSER);

        /* EBADF shows that no filter refuses every setns(2). So the helper was tampered with: it
         * has no namespace of its own, or is not dumpable. */
        if (error && namespace >= 0 && PH_CALL(SYS_setns, -1, CLONE_NEWUSER) == -EBADF)
            error = -EINTR;
        if (error == -ENOSPC && ph_read_setting("/proc/sys/user/max_user_namespaces") == '0')
            error = -EPERM; /* due to a setting, not because all namespaces are in use */
        /* The change of credentials may have reset this flag. */
        (void)PH_CALL(SYS_prctl, PR_SET_DUMPABLE, 0);
        if (!error)
            error = PH_CALL(SYS_unshare, CLONE_NEWNS);
        if (!error)
            error = namespace < 0 ? open_tmpfs() : build(contents, place);
        ph_exit(error < 0 ? (int)-error : 0);
    }
    (void)ph_failed(place, "building a place in a user namespace", ph_wait_for_error(pid));
    return place->error;
}

static long build_with_helper(const struct ph_contents *contents, struct ph_place *place)
{
    int pidfd = -1;
    long socket = -1;
    const long pid = start_helper(&pidfd, &socket);

    if (!ph_failed(place, "starting the helper for a user namespace", pid)) {
        if (is_ready(socket))
            (void)build_in_child(contents, place, pidfd);
        /* Did the kernel refuse a namespace, or did somebody tamper with the helper? A refusal may
         * lead to a weaker method, so we ask the kernel rather than believe the helper. */
        else if (!build_in_child(contents, place, -1))
            (void)ph_failed(place, "making a user namespace", -EINTR);
    }
    if (socket >= 0)
        (void)PH_CALL(SYS_close, socket);
    if (pid < 0)
        return place->error;
    /* Uses the pidfd, since the pid may have been reused. */
    (void)PH_CALL(CALL_PIDFD_SEND_SIGNAL, pidfd, SIGKILL);
    (void)ph_wait(pid); /* fails if SIGCHLD is ignored, but only after the helper has ended */
    (void)PH_CALL(SYS_close, pidfd);
    return place->error;
}

static long make_by_name(const struct ph_contents *contents, struct ph_place *place)
{
    place->name = contents->path + 1;
    /* Reserves a descriptor number, which build() reuses for the place, even in a child. */
    place->fd = PH_CALL(SYS_openat, AT_FDCWD, "/", O_PATH | O_CLOEXEC);
    if (ph_failed(place, "openat", place->fd))
        return place->error;
    if (build(contents, place) == -EPERM)
        (void)build_with_helper(contents, place);
    return place->error ? place->error : ph_place_check(contents, place);
}

/* Holds back SIGXFSZ, if the file exceeds RLIMIT_FSIZE, and SIGCHLD, when the helper exits. */
long ph_place_make(const struct ph_contents *contents, int by_name, struct ph_place *place)
{
    struct ph_held held;

    ph_hold(&held, PH_SIGNAL(SIGXFSZ) | PH_SIGNAL(SIGCHLD));
    (void)(by_name ? make_by_name(contents, place) : ph_place_in_memory(contents, place));
    ph_release(&held);
    return place->error;
}
