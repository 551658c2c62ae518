/* The two places for an unreadable image. fsopen(2) needs CAP_SYS_ADMIN in a user namespace, which
 * a helper provides. The helper is not trusted: whoever controls it cannot access this process,
 * which is not dumpable and whose memory belongs to the user namespace in which it was started
 * (kernel/ptrace.c __ptrace_may_access()). */
#define _GNU_SOURCE
#include "place.h"

#include "blobs.h"
#include "file.h"
#include "stub/stub.h"
#include "text.h"

#include <errno.h>
#include <linux/limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* The kernel's numbers and structures, which not every libc has: include/uapi/linux/mount.h,
 * sched.h, close_range.h, memfd.h, capability.h. */
#define FSOPEN_CLOSE_ON_EXEC 1
#define FSCONFIG_STRING 1
#define FSCONFIG_CREATE 6
#define FSMOUNT_CLOSE_ON_EXEC 1
#define MOUNT_NO_SUID_NO_DEV (2 | 4)
#define CLONE_AND_GIVE_PIDFD 0x1000
#define CLOSE_RANGE_ON_EXEC 4
#define MEMFD_CLOEXEC_SEALABLE 3u
#define MEMFD_EXEC 0x10u
#define CAPABILITY_VERSION_3 0x20080522
#define DAC_OVERRIDE_AND_READ_SEARCH ((1u << 1) | (1u << 2))
#define HELPER_SECONDS 5
/* The same numbers on every architecture: they came after the tables were joined. */
#define CALL_PIDFD_SEND_SIGNAL 424
#define CALL_FSOPEN 430
#define CALL_FSCONFIG 431
#define CALL_FSMOUNT 432
#define CALL_CLOSE_RANGE 436

#define UNREADABLE 0111

static long failed(struct ph_place *place, const char *call, long error)
{
    place->call = call;
    return error;
}

/* Whether a descriptor refers to a new, unnamed file. A seccomp filter can return 0, which is
 * standard input, for a call that the kernel never made. */
static int is_new_file(long fd)
{
    struct ph_statx file;

    return !ph_stat(fd, "", AT_EMPTY_PATH, &file) && S_ISREG(file.mode) && !file.links &&
           !file.size;
}

/* Writes the contents and makes the file unreadable for everyone. */
static long fill(const struct ph_contents *contents, long fd, struct ph_place *place)
{
    long done = 0;

    if (contents->bytes) {
        for (size_t at = 0; at < contents->length && done >= 0; at += (size_t)done) {
            done = ph_syscall(SYS_write, fd, (long)((const char *)contents->bytes + at),
                              (long)(contents->length - at), 0, 0);
            if (!done) /* only a call that was never made returns this */
                done = -EIO;
        }
    } else {
        done = ph_syscall(SYS_lseek, contents->source, 0, SEEK_SET, 0, 0);
        if (done >= 0)
            do
                done = ph_syscall(SYS_sendfile, fd, contents->source, 0, 0x7ffff000, 0);
            while (done > 0 || done == -EINTR);
    }
    if (done < 0)
        return failed(place, "writing the image", done);
    return failed(place, "fchmod", ph_syscall(SYS_fchmod, fd, UNREADABLE, 0, 0, 0));
}

/* Checks the file: a seccomp filter can report success for calls that the kernel never made. */
static long check(const struct ph_contents *contents, struct ph_place *place)
{
    struct ph_statx file;
    size_t length = contents->length;
    long error;

    place->call = "statx";
    error = contents->bytes ? 0 : ph_stat(contents->source, "", AT_EMPTY_PATH, &file);
    if (!error && !contents->bytes)
        length = (size_t)file.size;
    if (!error)
        error = ph_stat(place->fd, place->name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, &file);
    if (!error && (file.mode != (S_IFREG | UNREADABLE) || file.size != length ||
                   file.uid != (uint32_t)ph_syscall(SYS_geteuid, 0, 0, 0, 0, 0)))
        return failed(place, "reading back what was written", -EIO);
    return error;
}

static long make_in_memory(const struct ph_contents *contents, struct ph_place *place)
{
    const char *name = ph_basename(contents->path);
    char shortened[200]; /* the kernel takes 249 bytes */
    struct ph_text text = {shortened, sizeof shortened, 0, 0};
    long error;

    ph_add(&text, name);
    place->name = "";
    place->fd = ph_syscall(SYS_memfd_create, (long)shortened,
                           (long)(MEMFD_CLOEXEC_SEALABLE | MEMFD_EXEC), 0, 0, 0);
    if (place->fd == -EINVAL) /* before Linux 6.3 */
        place->fd =
            ph_syscall(SYS_memfd_create, (long)shortened, (long)MEMFD_CLOEXEC_SEALABLE, 0, 0, 0);
    if (place->fd < 0)
        return failed(place, "memfd_create", place->fd);
    if (!is_new_file(place->fd))
        return failed(place, "memfd_create", -EIO);
    error = fill(contents, place->fd, place);
    /* EBUSY: under load the kernel may hold a reference to a page for a moment. */
    for (int again = 0; !error && again < 100; again++) {
        place->call = "fcntl(F_ADD_SEALS)";
        error = ph_syscall(SYS_fcntl, place->fd, F_ADD_SEALS,
                           F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE, 0, 0);
        if (error != -EBUSY)
            break;
        error = 0;
        (void)ph_syscall(SYS_sched_yield, 0, 0, 0, 0, 0);
    }
    return error ? error : check(contents, place);
}

/* Makes the file system, the folders and the file below place->fd. Leaves descriptors to be closed
 * at exec, except the file's: a file that is open for writing cannot be executed. */
static long build(const struct ph_contents *contents, struct ph_place *place)
{
    char path[PATH_MAX];
    struct ph_text text = {path, sizeof path, 0, 0};
    const long fs = ph_syscall(CALL_FSOPEN, (long)"tmpfs", FSOPEN_CLOSE_ON_EXEC, 0, 0, 0);
    long folder, file, error;

    if (fs < 0)
        return failed(place, "fsopen", fs);
    error = ph_syscall(CALL_FSCONFIG, fs, FSCONFIG_STRING, (long)"mode", (long)"0711", 0);
    if (!error)
        error = ph_syscall(CALL_FSCONFIG, fs, FSCONFIG_CREATE, 0, 0, 0);
    if (error)
        return failed(place, "fsconfig", error);
    folder = ph_syscall(CALL_FSMOUNT, fs, FSMOUNT_CLOSE_ON_EXEC, MOUNT_NO_SUID_NO_DEV, 0, 0);
    if (folder < 0)
        return failed(place, "fsmount", folder);
    error = ph_syscall(SYS_dup3, folder, place->fd, O_CLOEXEC, 0, 0);
    if (error < 0)
        return failed(place, "dup3", error);

    ph_add(&text, place->name);
    for (char *part = path, *at = path; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        error = ph_syscall(SYS_mkdirat, folder, (long)part, 0711, 0, 0);
        if (!error) {
            folder = ph_syscall(SYS_openat, folder, (long)part, O_PATH | O_CLOEXEC, 0, 0);
            error = folder < 0 ? folder : 0;
        }
        if (error)
            return failed(place, "mkdirat", error);
        part = at + 1;
    }
    file = ph_syscall(SYS_openat, folder, (long)ph_basename(contents->path),
                      O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_LARGEFILE, UNREADABLE, 0);
    if (file < 0)
        return failed(place, "openat", file);
    error = fill(contents, file, place);
    (void)ph_syscall(SYS_close, file, 0, 0, 0, 0);
    return error;
}

long ph_fork(unsigned long flags, int *pidfd)
{
#ifdef __s390x__
    return ph_syscall(SYS_clone, 0, (long)flags, (long)pidfd, 0, 0);
#else
    return ph_syscall(SYS_clone, (long)flags, 0, (long)pidfd, 0, 0);
#endif
}

static _Noreturn void leave(long status)
{
    for (;;)
        (void)ph_syscall(SYS_exit_group, status, 0, 0, 0, 0);
}

long ph_wait(long pid)
{
    int status = 0;
    long result;

    do
        result = ph_syscall(SYS_wait4, pid, (long)&status, __WALL, 0, 0);
    while (result == -EINTR);
    return result < 0 ? result : status;
}

/* A file that holds the helper's program: in memory, or unnamed in a temporary folder. */
static long helper_program(void)
{
    static const char *const folders[] = {"/tmp", "/dev/shm", "/var/tmp"};
    const long length = (long)ph_namespace_size;
    char path[32];
    struct ph_text text = {path, sizeof path, 0, 0};
    long fd = ph_syscall(SYS_memfd_create, (long)"namespace", 1 | (long)MEMFD_EXEC, 0, 0, 0);
    long read_only;

    if (fd == -EINVAL)
        fd = ph_syscall(SYS_memfd_create, (long)"namespace", 1, 0, 0, 0);
    for (size_t i = 0; fd < 0 && i < sizeof folders / sizeof *folders; i++)
        fd = ph_syscall(SYS_openat, AT_FDCWD, (long)folders[i], O_TMPFILE | O_RDWR | O_CLOEXEC,
                        0700, 0);
    if (fd < 0)
        return fd;
    if (!is_new_file(fd) ||
        ph_syscall(SYS_write, fd, (long)ph_namespace, length, 0, 0) != length)
        return -EIO;
    ph_add(&text, "/proc/self/fd/");
    ph_add_number(&text, (unsigned long)fd);
    read_only = ph_syscall(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0);
    (void)ph_syscall(SYS_close, fd, 0, 0, 0, 0);
    return read_only;
}

/* Starts the helper with nothing but one end of a socket. Returns its pid. */
static long start_helper(int *pidfd, long *socket)
{
    static char *const nothing[] = {NULL};
    static char name[] = "namespace", *const argv[] = {name, NULL};
    const long program = helper_program();
    int ends[2];
    long error, pid;

    if (program < 0)
        return program;
    error = ph_syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, (long)ends, 0);
    if (error)
        return error;
    *socket = ends[0];
    pid = ph_fork(CLONE_AND_GIVE_PIDFD, pidfd);
    if (!pid) {
        /* If it already is descriptor 0, dup3(2) fails and only the flag has to go. */
        if (ends[1] ? ph_syscall(SYS_dup3, ends[1], 0, 0, 0, 0)
                    : ph_syscall(SYS_fcntl, 0, F_SETFD, 0, 0, 0))
            leave(1);
        if (!ph_syscall(CALL_CLOSE_RANGE, 1, -1, CLOSE_RANGE_ON_EXEC, 0, 0))
            (void)ph_syscall(SYS_execveat, program, (long)"", (long)argv, (long)nothing,
                             AT_EMPTY_PATH);
        leave(1);
    }
    (void)ph_syscall(SYS_close, ends[1], 0, 0, 0, 0);
    (void)ph_syscall(SYS_close, program, 0, 0, 0, 0);
    return pid;
}

/* Whether the helper says in time that the namespace is there. */
static int is_ready(long socket)
{
    struct {
        int fd;
        short wanted, found;
    } question = {(int)socket, 1 /* POLLIN */, 0};
    struct {
        long seconds, nanoseconds;
    } patience = {HELPER_SECONDS, 0};
    char byte;

    return ph_syscall(SYS_ppoll, (long)&question, 1, (long)&patience, 0, 0) == 1 &&
           ph_syscall(SYS_read, socket, (long)&byte, 1, 0, 0) == 1;
}

/* Builds in a child that shares our descriptors: this process never enters the namespace. */
static long build_in_namespace(const struct ph_contents *contents, struct ph_place *place,
                               int namespace)
{
    const long pid = ph_fork(CLONE_FILES, NULL);
    long status;

    if (!pid) {
        long error = ph_syscall(SYS_setns, namespace, CLONE_NEWUSER, 0, 0, 0);

        if (!error)
            error = ph_syscall(SYS_unshare, CLONE_NEWNS, 0, 0, 0, 0);
        /* The change of credentials may have reset it. */
        (void)ph_syscall(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
        leave(-(error ? error : build(contents, place)));
    }
    if (pid < 0)
        return failed(place, "clone", pid);
    status = ph_wait(pid);
    if (status < 0)
        return failed(place, "wait4", status);
    if (!WIFEXITED((int)status))
        return failed(place, "building a place in a user namespace", -EINTR);
    return failed(place, "building a place in a user namespace", -WEXITSTATUS((int)status));
}

static long with_helper(const struct ph_contents *contents, struct ph_place *place)
{
    int pidfd = -1;
    long socket = -1;
    long pid = start_helper(&pidfd, &socket);
    long error, status;
    int ready;

    if (pid < 0)
        return failed(place, "starting the helper for a user namespace", pid);
    ready = is_ready(socket);
    error = ready ? build_in_namespace(contents, place, pidfd)
                  : failed(place, "making a user namespace", -EPERM);
    (void)ph_syscall(SYS_close, socket, 0, 0, 0, 0);
    /* Through the pidfd: the pid may have been reused. */
    (void)ph_syscall(CALL_PIDFD_SEND_SIGNAL, pidfd, SIGKILL, 0, 0, 0);
    /* ECHILD if SIGCHLD is ignored: the helper is gone then, too. */
    status = ph_wait(pid);
    /* The kernel did not refuse a namespace: someone killed or stopped the helper. */
    if (!ready && (status < 0 || !WIFEXITED((int)status)))
        error = -EINTR;
    (void)ph_syscall(SYS_close, pidfd, 0, 0, 0, 0);
    return error;
}

static long make_by_name(const struct ph_contents *contents, struct ph_place *place)
{
    long error;

    place->name = contents->path + 1;
    /* Reserves a descriptor number for the place, which the child can fill. */
    place->fd = ph_syscall(SYS_openat, AT_FDCWD, (long)"/", O_PATH | O_CLOEXEC, 0, 0);
    if (place->fd < 0)
        return failed(place, "openat", place->fd);
    error = build(contents, place);
    if (error == -EPERM)
        error = with_helper(contents, place);
    return error ? error : check(contents, place);
}

/* Two signals must neither end this process nor stay pending for the program: SIGXFSZ, if the file
 * exceeds RLIMIT_FSIZE, and SIGCHLD, when the helper ends. */
long ph_place_make(const struct ph_contents *contents, int by_name, struct ph_place *place)
{
    const uint64_t ours = (uint64_t)1 << (SIGXFSZ - 1) | (uint64_t)1 << (SIGCHLD - 1);
    const struct {
        long seconds, nanoseconds;
    } now = {0, 0};
    uint64_t before = 0, pending = 0, drained;
    long error;

    (void)ph_syscall(SYS_rt_sigprocmask, SIG_BLOCK, (long)&ours, (long)&before, sizeof ours, 0);
    (void)ph_syscall(SYS_rt_sigpending, (long)&pending, sizeof pending, 0, 0, 0);
    if (contents->bytes && !contents->length)
        error = failed(place, "preparing the stand-in", -ENOEXEC);
    else
        error = by_name ? make_by_name(contents, place) : make_in_memory(contents, place);
    drained = ours & ~pending;
    while (ph_syscall(SYS_rt_sigtimedwait, (long)&drained, 0, (long)&now, sizeof drained, 0) > 0)
        ;
    (void)ph_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, sizeof before, 0);
    return error;
}

size_t ph_stub_write(char *buffer, size_t size, const struct ph_identity *identity,
                     const char *path, const char *name, int rehearse)
{
    struct ph_stub_config *config = NULL;
    struct ph_text text;

    if (ph_stub_size > size || ph_length(path) >= sizeof config->path)
        return 0;
    for (size_t i = 0; i < ph_stub_size; i++)
        buffer[i] = (char)ph_stub[i];
    for (size_t i = 0; !config && i + sizeof *config <= ph_stub_size;
         i += _Alignof(struct ph_stub_config))
        if (ph_equal(buffer + i, PH_STUB_MARK))
            config = (struct ph_stub_config *)(void *)(buffer + i);
    if (!config)
        return 0;
    config->program = *identity;
    config->rehearse = (uint32_t)rehearse;
    text = (struct ph_text){config->path, sizeof config->path, 0, 0};
    ph_add(&text, path);
    text = (struct ph_text){config->name, sizeof config->name, 0, 0};
    ph_add(&text, name);
    return ph_stub_size;
}

/* capget(2) and capset(2). */
struct capability_set {
    uint32_t effective, permitted, inheritable;
};

long ph_place_execute(const struct ph_place *place, char *const argv[], char *const envp[])
{
    struct {
        uint32_t version;
        int32_t pid;
    } header = {CAPABILITY_VERSION_3, 0};
    struct capability_set held[2], fewer[2];
    long error = ph_syscall(SYS_capget, (long)&header, (long)held, 0, 0, 0);

    if (error)
        return error;
    fewer[0] = held[0];
    fewer[1] = held[1];
    /* With them, root may read the image. The new program gets them back. */
    fewer[0].effective &= ~DAC_OVERRIDE_AND_READ_SEARCH;
    error = ph_syscall(SYS_capset, (long)&header, (long)fewer, 0, 0, 0);
    if (error)
        return error;
    error = ph_syscall(SYS_execveat, place->fd, (long)place->name, (long)argv, (long)envp,
                       *place->name ? 0 : AT_EMPTY_PATH);
    /* Giving back what was held a moment ago cannot fail. */
    (void)ph_syscall(SYS_capset, (long)&header, (long)held, 0, 0, 0);
    return error ? error : -EIO;
}
