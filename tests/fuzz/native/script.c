/* "#!" lines and env(1): launch/program.c against the kernel and the env of this machine.
 *
 * Input: a script, whose interpreter may be /w, a program that writes down how it was started, or w in
 * PATH, or /t: the script that begins after the first line. What launch/program.c says will be run
 * must be what execve(2) runs. All of it happens in a root directory that holds nothing else. */
#define _GNU_SOURCE
#include "fuzz.h"
#include "script.h"

#include "core/platform/linux_syscall.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

extern char **environ;

#define ROOT "/mnt" /* covered in a mount namespace of this process's own */
#define LONGEST 2   /* seconds of the processor that a script may take */

static char last_opened[4096];

/* There is no /proc in the root directory: a file's path is the one that it was opened by. */
static long answer(long number, long a, long b, long c, long d, long e, long f)
{
    const long result =
        number == SYS_readlinkat ? (long)strlen(last_opened) : ph_syscall6(number, a, b, c, d, e, f);

    if (number == SYS_readlinkat)
        memcpy((char *)c, last_opened, strlen(last_opened) + 1);
    if (number == SYS_openat && result >= 0)
        (void)snprintf(last_opened, sizeof last_opened, "%s", (const char *)b);
    return result;
}

#define ph_syscall6 answer
#include "launch/program.c"
#undef ph_syscall6

static char *const plain_environment[] = {"PATH=" DEFAULT_PATH, NULL};
static int outside = -1, back = -1, nothing = -1, report[2];

/* --- The root directory ----------------------------------------------------------------------- */

static void must(int succeeded, const char *what)
{
    if (succeeded)
        return;
    (void)printf("not tested: %s: %m\n", what);
    (void)fflush(stdout);
    _exit(0);
}

static void copy_file(const char *from, const char *to)
{
    static char buffer[1 << 16];
    const int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    ssize_t length = 1;

    while (length > 0 && (length = read(in, buffer, sizeof buffer)) > 0)
        must(write(out, buffer, (size_t)length) == length, to);
    must(!length && !fchmod(out, 0755) && !close(in) && !close(out), from);
}

static void make_folder(const char *path)
{
    must(!mkdir(path, 0755), path);
}

/* Copies env and the libraries that the dynamic loader finds for it. */
static void copy_env(void)
{
    char line[4096];
    FILE *list = popen("ldd /usr/bin/env", "r");

    must(list != NULL, "ldd");
    while (fgets(line, sizeof line, list)) {
        char *path = strchr(line, '/'), to[4200];

        if (!path)
            continue;
        path[strcspn(path, " \n")] = '\0';
        (void)snprintf(to, sizeof to, ROOT "%s", path);
        for (char *end = to + sizeof ROOT; (end = strchr(end, '/')); *end++ = '/') {
            *end = '\0';
            (void)mkdir(to, 0755);
        }
        copy_file(path, to);
    }
    must(!pclose(list), "ldd /usr/bin/env");
    copy_file("/usr/bin/env", ROOT "/bin/env");
    copy_file("/usr/bin/env", ROOT "/usr/bin/env");
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char witness[4096];

    (void)argc;
    (void)snprintf(witness, sizeof witness, "%s_witness", (*argv)[0]);
    must(!unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)), "a namespace");
    must(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "a private mount namespace");
    must(!mount("fuzz", ROOT, "tmpfs", 0, "mode=755"), "tmpfs on " ROOT);
    make_folder(ROOT "/bin");
    make_folder(ROOT "/usr");
    make_folder(ROOT "/usr/bin");
    make_folder(ROOT "/folder");
    copy_env();
    copy_file(witness, ROOT "/w");
    must(!link(ROOT "/w", ROOT "/bin/w") && !link(ROOT "/w", ROOT "/bin/x y"), "link");
    outside = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    must(outside >= 0 && back >= 0 && nothing >= 0 && !pipe2(report, O_CLOEXEC | O_NONBLOCK),
         "descriptors");
    return 0;
}

static void enter_root(void)
{
    must(!chroot(ROOT) && !chdir("/"), "chroot");
}

static void leave_root(void)
{
    must(!fchdir(outside) && !chroot(".") && !fchdir(back), "leaving chroot");
}

/* --- What is run ------------------------------------------------------------------------------ */

/* Closes it again: what is open for writing cannot be executed. */
static void write_script(const char *path, const char *text, size_t size)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

    must(fd >= 0 && !fchmod(fd, 0755), path);
    fill_file(fd, text, size);
    (void)close(fd);
}

/* Runs the script. Returns the length of what the witness reported; 0: it was not run. */
static size_t run_script(char *const *words, char *buffer, size_t size)
{
    static const struct rlimit longest = {LONGEST, LONGEST};
    const pid_t child = vfork();
    ssize_t length;
    int status;

    if (!child) {
        (void)setrlimit(RLIMIT_CPU, &longest);
        if (dup2(report[1], REPORT) == REPORT && dup2(nothing, 0) == 0 && dup2(nothing, 1) == 1 &&
            dup2(nothing, 2) == 2)
            (void)execve(words[0], words, plain_environment);
        _exit(1);
    }
    must(child > 0 && waitpid(child, &status, 0) == child, "vfork");
    length = read(report[0], buffer, size - 1);
    return length < 0 ? 0 : (size_t)length;
}

/* Whether it is the witness that is to run, and not env by another name, for instance. */
static int is_witness(int fd)
{
    struct stat found, own;

    must(!fstat(fd, &found) && !stat("/w", &own), "stat");
    return found.st_ino == own.st_ino;
}

/* Whether an entry is in a list. */
static int has_entry(char *const *entries, const char *entry)
{
    for (; *entries; entries++)
        if (!strcmp(*entries, entry))
            return 1;
    return 0;
}

/* Whether a later entry of the list sets the same variable. */
static int is_set_later(char *const *entries)
{
    const size_t length = strcspn(*entries, "=") + 1;

    for (char *const *later = entries + 1; *later; later++)
        if (!strncmp(*later, *entries, length))
            return 1;
    return 0;
}

static void explain(const struct ph_program *program, const char *at, const char *end)
{
    (void)fprintf(stderr, "launcher:");
    for (char **word = program->argv; *word; word++)
        (void)fprintf(stderr, " [%s]", *word);
    (void)fprintf(stderr, "\nkernel:  ");
    for (; at < end; at += strlen(at) + 1)
        (void)fprintf(stderr, " [%s]", at);
    (void)fprintf(stderr, "\n");
}

#define EXPECT_SAME(condition)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            explain(program, first, end);                                                          \
            EXPECT(condition);                                                                     \
        }                                                                                          \
    } while (0)

static void compare(const struct ph_program *program, const char *buffer, size_t length)
{
    const struct report *seen = (const void *)buffer;
    const char *first = buffer + sizeof *seen, *end = buffer + length, *at = first;
    char *entries[64] = {0};
    size_t count = 0;

    EXPECT_SAME(length > sizeof *seen);
    for (char **word = program->argv; *word; word++) {
        EXPECT_SAME(at < end && !strcmp(at, *word));
        at += strlen(at) + 1;
        count++;
    }
    EXPECT_SAME((int)count == seen->arguments);
    EXPECT_SAME(!strncmp(seen->name, program->name, sizeof seen->name - 1));
    for (count = 0; at < end && count < 63; at += strlen(at) + 1)
        entries[count++] = (char *)(uintptr_t)at;
    for (char *const *entry = program->variables; *entry; entry++) {
        if (is_set_later(entry))
            continue;
        EXPECT_SAME(has_entry(entries, *entry));
        count--;
    }
    EXPECT_SAME(count == 1 && has_entry(entries, plain_environment[0]));
}

static void ignore(const char *line)
{
    EXPECT(is_plain_line(line));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ph_program program;
    static _Alignas(struct report) char buffer[1 << 14];
    char *words[PH_SPARE + 4] = {0}, **argv = words + PH_SPARE, **before = environ;
    const char *text = (const char *)data, *line = size ? memchr(text, '\n', size) : NULL;
    int status;

    limit_time();
    if (size < 2 || memcmp(text, "#!", 2))
        return 0;
    line = line ? line + 1 : text + size;
    write_script(ROOT "/s", text, size);
    write_script(ROOT "/t", line, (size_t)(text + size - line));
    argv[0] = "/s";
    argv[1] = "-a";
    program = (struct ph_program){0};
    ph_complaint = ignore;
    environ = (char **)(uintptr_t)plain_environment;

    enter_root();
    status = ph_program_find(&program, argv);
    if (!status && is_witness(program.fd)) {
        char *const given[] = {"/s", "-a", NULL};
        const size_t length = run_script(given, buffer, sizeof buffer);

        leave_root();
        buffer[length] = '\0';
        compare(&program, buffer, length);
    } else {
        leave_root();
    }
    if (program.fd >= 0)
        (void)close(program.fd);
    environ = before;
    return 0;
}
