/* Tries each way into the namespaces of another process, and prints a line for each: its name, and
 * what the file /mnt/secret holds there or the number of the error.
 *
 * Usage: enters calls                  prints the errors of the calls that list mount namespaces,
 *                                      on no descriptor
 *        enters handles PID            prints the file handles of the namespaces, in hexadecimal
 *        enters PID USER MOUNT         PID has its own user and mount namespaces; USER and MOUNT are
 *                                      the handles, or "-" if the kernel has none (before 6.18) */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* include/uapi/linux/fcntl.h, nsfs.h and pidfd.h, which older systems lack. */
#define NSFS_ROOT -10003
#define NSFS_HANDLE 241
#define HANDLE_SIZE 16
#define GET_NEXT_MOUNT_NAMESPACE _IOR(0xb7, 11, struct mount_namespace)
#define GET_PREVIOUS_MOUNT_NAMESPACE _IOR(0xb7, 12, struct mount_namespace)
#define GET_LARGER_NEXT_MOUNT_NAMESPACE \
    _IOC(_IOC_READ, 0xb7, 11, sizeof(struct mount_namespace) + 16)
#define PIDFD_GET_MOUNT_NAMESPACE _IO(0xff, 3)
#define PIDFD_GET_USER_NAMESPACE _IO(0xff, 9)
#define X32 0x40000000
struct mount_namespace {
    uint32_t size, mounts;
    uint64_t id;
};
union handle {
    struct file_handle head;
    unsigned char bytes[sizeof(struct file_handle) + HANDLE_SIZE];
};

static int open_of(const char *process, const char *name)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%s/ns/%s", process, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static int show_handle(const char *process, const char *name)
{
    union handle handle = {.head.handle_bytes = HANDLE_SIZE};
    int mount;
    const int fd = open_of(process, name);

    if (fd < 0)
        return -1;
    if (name_to_handle_at(fd, "", &handle.head, &mount, AT_EMPTY_PATH)) {
        puts("-");
        return 0;
    }
    for (int i = 0; i < HANDLE_SIZE; i++)
        printf("%02x", handle.head.f_handle[i]);
    puts("");
    return 0;
}

static void read_handle(const char *text, union handle *handle)
{
    *handle = (union handle){.head = {.handle_bytes = HANDLE_SIZE, .handle_type = NSFS_HANDLE}};
    for (int i = 0; i < HANDLE_SIZE && strlen(text) == 2 * HANDLE_SIZE; i++)
        sscanf(text + 2 * i, "%2hhx", &handle->head.f_handle[i]);
}

/* Shows the file in the namespaces that were entered, or the error, and exits. */
static void show_secret(int failed)
{
    char line[64] = "";
    int file;

    if (failed || (file = open("/mnt/secret", O_RDONLY)) < 0 ||
        read(file, line, sizeof line - 1) < 0)
        printf("%d\n", errno);
    else
        printf("%s", line);
    fflush(stdout);
    _exit(0);
}

/* Enters the namespaces in a child. */
static void enter(const char *door, int user, int mount)
{
    const int error = errno;

    printf("%s: ", door);
    if (mount < 0) {
        printf("%d\n", error);
        fflush(stdout);
        return;
    }
    fflush(stdout);
    if (!fork())
        show_secret(setns(user, CLONE_NEWUSER) || setns(mount, CLONE_NEWNS));
    wait(NULL);
}

static void enter_by_pidfd(const char *process)
{
    const int pidfd = (int)syscall(434 /* pidfd_open */, atoi(process), 0);

    enter("PIDFD_GET_MNT_NAMESPACE", ioctl(pidfd, PIDFD_GET_USER_NAMESPACE, 0),
          ioctl(pidfd, PIDFD_GET_MOUNT_NAMESPACE, 0));
    printf("setns of a pidfd: ");
    fflush(stdout);
    if (!fork())
        show_secret(setns(pidfd, CLONE_NEWUSER | CLONE_NEWNS));
    wait(NULL);
}

#ifdef __x86_64__
/* Makes a call by the 32-bit entry. */
static int call_i386(long number, long first, long second, long third)
{
    long result;

    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(number), "b"(first), "c"(second), "d"(third)
                     : "memory", "r8", "r9", "r10", "r11");
    errno = (int)-result;
    return result < 0 ? -1 : (int)result;
}

/* Returns a copy of data to which 32 bits can point. */
static void *copy_low(const void *data, size_t size)
{
    void *low = mmap(NULL, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

    if (low == MAP_FAILED)
        exit(3);
    return memcpy(low, data, size);
}

static int open_i386(const union handle *handle)
{
    return call_i386(342 /* open_by_handle_at */, NSFS_ROOT,
                     (long)copy_low(handle, sizeof *handle), O_RDONLY);
}
#endif

static void show_answer(const char *request, int result)
{
    printf("%s: %d\n", request, result < 0 ? errno : 0);
}

/* The descriptor is checked before the address. */
static int show_answers(void)
{
    show_answer("NS_MNT_GET_NEXT", ioctl(-1, GET_NEXT_MOUNT_NAMESPACE, 0));
    show_answer("NS_MNT_GET_PREV", ioctl(-1, GET_PREVIOUS_MOUNT_NAMESPACE, 0));
    show_answer("NS_MNT_GET_NEXT of another size", ioctl(-1, GET_LARGER_NEXT_MOUNT_NAMESPACE, 0));
#ifdef __x86_64__
    show_answer("i386 NS_MNT_GET_NEXT",
                call_i386(54 /* ioctl */, -1, GET_NEXT_MOUNT_NAMESPACE, 0));
    show_answer("i386 NS_MNT_GET_PREV",
                call_i386(54 /* ioctl */, -1, GET_PREVIOUS_MOUNT_NAMESPACE, 0));
#endif
    return 0;
}

int main(int argc, char **argv)
{
    union handle user, mount;

    if (argc == 2)
        return show_answers();
    if (argc == 3)
        return show_handle(argv[2], "user") || show_handle(argv[2], "mnt");
    if (argc != 4)
        return 2;
    read_handle(argv[2], &user);
    read_handle(argv[3], &mount);

    enter("/proc/PID/ns", open_of(argv[1], "user"), open_of(argv[1], "mnt"));
    enter_by_pidfd(argv[1]);
    enter("open_by_handle_at", open_by_handle_at(NSFS_ROOT, &user.head, O_RDONLY),
          open_by_handle_at(NSFS_ROOT, &mount.head, O_RDONLY));
    enter("open_by_handle_at below a descriptor",
          open_by_handle_at(open_of("self", "user"), &user.head, O_RDONLY),
          open_by_handle_at(open_of("self", "mnt"), &mount.head, O_RDONLY));
#ifdef __x86_64__
    enter("x32 open_by_handle_at",
          (int)syscall(X32 + SYS_open_by_handle_at, NSFS_ROOT, &user, O_RDONLY),
          (int)syscall(X32 + SYS_open_by_handle_at, NSFS_ROOT, &mount, O_RDONLY));
    enter("i386 open_by_handle_at", open_i386(&user), open_i386(&mount));
#endif
    return 0;
}
