/* Linux and Android. Every call goes straight to the kernel. */
#define _GNU_SOURCE
#include "../platform.h"
#include "linux_seal.h"
#include "linux_syscall.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static const char *const loader_variables[] = {"LD_*", NULL};
const char *const *const ph_platform_loader_variables = loader_variables;

/* Weak, so that the preload library needs no other library to be loaded first. */
extern char **environ __attribute__((weak));
extern unsigned long getauxval(unsigned long type) __attribute__((weak));

char ***ph_platform_environ(void)
{
    static char **none;

    return &environ ? &environ : &none;
}

int ph_platform_forget_variable(const char *entry, size_t name_length)
{
    (void)entry, (void)name_length;
    return 0;
}

int ph_platform_privileged(void)
{
    return getauxval && getauxval(AT_SECURE);
}

static long sys_prctl(int option, long value)
{
    return ph_syscall(SYS_prctl, option, value, 0, 0, 0);
}

/* Reads a small file of /proc, NUL-terminated. Returns its length or a negative errno value. */
static long read_file(const char *path, char *buffer, size_t size)
{
    long fd = ph_syscall(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0);
    long length;

    if (fd < 0)
        return fd;
    length = ph_syscall(SYS_read, fd, (long)buffer, (long)(size - 1), 0, 0);
    /* Reading is done; on Linux the descriptor is closed whatever close(2) returns. */
    (void)ph_syscall(SYS_close, fd, 0, 0, 0, 0);
    if (length >= 0)
        buffer[length] = '\0';
    return length;
}

/* What follows the first occurrence of label, or NULL. */
static const char *after(const char *text, const char *label)
{
    for (; *text; text++) {
        size_t i = 0;

        while (label[i] && text[i] == label[i])
            i++;
        if (!label[i])
            return text + i;
    }
    return NULL;
}

/* Skips blanks, then reads digits. Returns what comes after them, or NULL if there were none. */
static const char *parse_number(const char *text, uint64_t *number)
{
    while (*text == ' ' || *text == '\t')
        text++;
    if (*text < '0' || *text > '9')
        return NULL;
    for (*number = 0; *text >= '0' && *text <= '9'; text++)
        *number = *number * 10 + (uint64_t)(*text - '0');
    return text;
}

/* Type: stops inspection and core dumps.
 * Targets: ptrace, process_vm_readv, pidfd_getfd and /proc/PID/mem of the same user.
 * API: prctl(PR_SET_DUMPABLE); lost at execve.
 * Errors: exit code 5. Source: PR_SET_DUMPABLE(2const), kernel/ptrace.c __ptrace_may_access. */
enum ph_outcome ph_platform_inspection(struct ph_failure *failure)
{
    static const char call[] = "prctl(PR_SET_DUMPABLE, 0)";
    long dumpable = sys_prctl(PR_GET_DUMPABLE, 0);
    long error;

    if (!dumpable)
        return PH_ALREADY;
    error = sys_prctl(PR_SET_DUMPABLE, 0);
    if (error)
        return ph_fail(failure, PH_INSPECTION, PH_EXIT_INSPECTION, call, (int)-error);
    dumpable = sys_prctl(PR_GET_DUMPABLE, 0);
    if (dumpable < 0)
        return ph_fail(failure, PH_INSPECTION, PH_EXIT_INSPECTION, "prctl(PR_GET_DUMPABLE)",
                       (int)-dumpable);
    if (dumpable)
        return ph_fail_read_back(failure, PH_INSPECTION, PH_EXIT_INSPECTION, call, dumpable);
    return PH_APPLIED;
}

/* The pid of the tracer, 0, or a negative errno value. Source: proc_pid_status(5), TracerPid. */
static long read_tracer(void)
{
    char text[1024];
    long length = read_file("/proc/self/status", text, sizeof text);
    const char *value = length < 0 ? NULL : after(text, "\nTracerPid:");
    uint64_t tracer;

    if (length < 0)
        return length;
    return value && parse_number(value, &tracer) ? (long)tracer : -ENOSYS;
}

/* Type: refuses to go on under a tracer, which hardening does not shake off.
 * Targets: debuggers attached before. API: /proc/self/status.
 * Errors: exit code 6. */
enum ph_outcome ph_platform_refuse_tracer(struct ph_failure *failure)
{
    long tracer = read_tracer();

    if (tracer < 0)
        return ph_fail(failure, PH_INSPECTION, PH_EXIT_PTRACE, "reading /proc/self/status",
                       (int)-tracer);
    return tracer ? ph_fail_traced(failure, "hardening", tracer) : PH_ALREADY;
}

struct limit {
    uint64_t soft;
    uint64_t hard;
};

/* Returns 0 or a negative errno value. Where a seccomp profile forbids
 * prlimit64(2) even for reading, /proc says the same. Source: proc_pid_limits(5). */
static long read_core_limit(struct limit *limit)
{
    char text[1024];
    long length;
    long error = ph_syscall(SYS_prlimit64, 0, RLIMIT_CORE, 0, (long)limit, 0);
    const char *value;

    if (!error)
        return 0;
    length = read_file("/proc/self/limits", text, sizeof text);
    value = length < 0 ? NULL : after(text, "\nMax core file size");
    if (!value)
        return error;
    limit->soft = limit->hard = UINT64_MAX;
    value = parse_number(value, &limit->soft);
    if (value)
        /* "unlimited" leaves UINT64_MAX, which is what it means. */
        (void)parse_number(value, &limit->hard);
    return 0;
}

/* Type: stops core dumps. Targets: crash files that hold the memory.
 * API: prlimit64(RLIMIT_CORE), kept across execve; lowering needs no capability.
 * Errors: exit code 7; a refusal while the limits are 0 already is none.
 * Source: setrlimit(2), core(5). */
enum ph_outcome ph_platform_core_limit(struct ph_failure *failure)
{
    static const char call[] = "setrlimit(RLIMIT_CORE, {0, 0})";
    static const struct limit zero = {0, 0};
    /* Not 0, so that a call which only pretends to succeed is seen. */
    struct limit before = {1, 1}, now = {1, 1};
    long error = ph_syscall(SYS_prlimit64, 0, RLIMIT_CORE, (long)&zero, (long)&before, 0);
    long read_error;

    if (!error && !before.soft && !before.hard)
        return PH_ALREADY;
    read_error = read_core_limit(&now);
    if (!read_error && !now.soft && !now.hard)
        return error ? PH_ALREADY : PH_APPLIED;
    if (error)
        return ph_fail(failure, PH_CORE_LIMIT, PH_EXIT_CORE_LIMIT, call, (int)-error);
    if (read_error)
        return ph_fail(failure, PH_CORE_LIMIT, PH_EXIT_CORE_LIMIT, "getrlimit(RLIMIT_CORE)",
                       (int)-read_error);
    return ph_fail_read_back(failure, PH_CORE_LIMIT, PH_EXIT_CORE_LIMIT, call,
                             (long)(now.soft > now.hard ? now.soft : now.hard));
}

/* Type: keeps execve from raising privileges, for the children too.
 * API: prctl(PR_SET_NO_NEW_PRIVS). Errors: exit code 5. Source: PR_SET_NO_NEW_PRIVS(2const). */
enum ph_outcome ph_platform_no_new_privs(struct ph_failure *failure)
{
    static const char call[] = "prctl(PR_SET_NO_NEW_PRIVS, 1)";
    long error, now = sys_prctl(PR_GET_NO_NEW_PRIVS, 0);

    if (now == 1)
        return PH_ALREADY;
    error = sys_prctl(PR_SET_NO_NEW_PRIVS, 1);
    if (error)
        return ph_fail(failure, PH_NO_NEW_PRIVS, PH_EXIT_INSPECTION, call, (int)-error);
    now = sys_prctl(PR_GET_NO_NEW_PRIVS, 0);
    if (now != 1)
        return ph_fail_read_back(failure, PH_NO_NEW_PRIVS, PH_EXIT_INSPECTION, call, now);
    return PH_APPLIED;
}

/* Refused by the seal before the kernel looks at the value, which it would not take. */
#define NO_SUCH_DUMPABLE 3

static int is_sealed(void)
{
    return sys_prctl(PR_SET_DUMPABLE, NO_SUCH_DUMPABLE) == -EPERM;
}

/* Type: keeps the process from making itself inspectable again.
 * Targets: crash handlers and sanitizers that do, code that was talked into it.
 * API: seccomp(SECCOMP_SET_MODE_FILTER) for all threads, kept across fork and execve; needs
 * no_new_privs. It cannot hold what the kernel itself resets: execve, a change of ids.
 * Errors: exit code 5. Source: seccomp(2), kernel/sys.c PR_SET_DUMPABLE. */
enum ph_outcome ph_platform_seal(struct ph_failure *failure)
{
    static const char call[] = "seccomp(SECCOMP_SET_MODE_FILTER)";
    long result;

    if (is_sealed())
        return PH_ALREADY;
    result = ph_syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAGS,
                        (long)&ph_seal_program, 0, 0);
    if (result) /* a thread that cannot take it is named by its id */
        return ph_fail(failure, PH_SEAL, PH_EXIT_INSPECTION, call,
                       result < 0 ? (int)-result : EBUSY);
    if (!is_sealed())
        return ph_fail_read_back(failure, PH_SEAL, PH_EXIT_INSPECTION, call, 0);
    return PH_APPLIED;
}

/* Yama's, which is not in every kernel. */
#ifndef PR_SET_PTRACER
#define PR_SET_PTRACER 0x59616d61
#endif

int ph_expose(struct ph_failure *failure)
{
    static const char call[] = "prctl(PR_SET_DUMPABLE, 1)";
    long error = sys_prctl(PR_SET_DUMPABLE, 1);
    long dumpable = sys_prctl(PR_GET_DUMPABLE, 0);

    if (error) {
        ph_fail(failure, PH_INSPECTION, PH_EXIT_INSPECTION, call, (int)-error);
        return -1;
    }
    if (dumpable != 1) {
        ph_fail_read_back(failure, PH_INSPECTION, PH_EXIT_INSPECTION, call, dumpable);
        return -1;
    }
    /* EINVAL says that there is no Yama: then nothing more is in a debugger's way. */
    (void)sys_prctl(PR_SET_PTRACER, -1);
    return 0;
}

/* /proc/PID/environ shows the memory between these two addresses, whatever
 * libc has made of environ since. Source: proc_pid_stat(5), fields 50 and 51. */
int ph_platform_environment_block(struct ph_span *block, struct ph_failure *failure)
{
    static const char call[] = "reading /proc/self/stat";
    char text[2048];
    uint64_t address[2] = {0, 0};
    const char *at = NULL;
    long length = read_file("/proc/self/stat", text, sizeof text);
    int field = 2;

    if (length < 0) {
        ph_fail(failure, PH_ENVIRONMENT, PH_EXIT_ENVIRONMENT, call, (int)-length);
        return -1;
    }
    /* The name of the program, field 2, may hold anything, ")" and " " too. */
    for (const char *c = text; *c; c++)
        if (*c == ')')
            at = c;
    for (; at && *at && field < 50; at++)
        field += *at == ' ';
    if (at)
        at = parse_number(at, &address[0]);
    if (at)
        at = parse_number(at, &address[1]);
    if (!at || !address[0] || address[1] < address[0]) {
        ph_fail(failure, PH_ENVIRONMENT, PH_EXIT_ENVIRONMENT, call, ENOSYS);
        return -1;
    }
    block->start = (char *)(uintptr_t)address[0];
    block->end = (char *)(uintptr_t)address[1];
    return 0;
}

/* From low to high: 16 random bytes, arguments, environment, the program's name, the width of a
 * pointer of the kernel's, the end of a page. A dynamic loader that was executed itself makes
 * AT_EXECFN an argument: then the end is unknown. Source: fs/binfmt_elf.c create_elf_tables(),
 * fs/exec.c; glibc's elf/rtld.c. */
int ph_platform_start_strings(struct ph_span *strings)
{
    unsigned long random = getauxval ? getauxval(AT_RANDOM) : 0;
    unsigned long name = getauxval ? getauxval(AT_EXECFN) : 0;
    unsigned long end = name, left;

    if (!random || name < random)
        return -1;
    while (*(const char *)end)
        end++;
    left = -(end + 1) & (getauxval(AT_PAGESZ) - 1);
    if (left != sizeof(uint32_t) && left != sizeof(uint64_t))
        return -1;
    strings->start = (char *)(random + 16);
    strings->end = (char *)name;
    return 0;
}

void ph_status(struct ph_status *status)
{
    struct limit limit = {0, 0};
    long dumpable = sys_prctl(PR_GET_DUMPABLE, 0);
    long no_new_privs = sys_prctl(PR_GET_NO_NEW_PRIVS, 0);
    long tracer = read_tracer();

    status->dumpable = dumpable < 0 ? -1 : (int)dumpable;
    status->inspectable = dumpable < 0 ? -1 : dumpable == 1;
    status->no_new_privs = no_new_privs < 0 ? -1 : (int)no_new_privs;
    status->sealed = is_sealed();
    status->tracer_pid = tracer < 0 ? -1 : tracer;
    status->core_known = !read_core_limit(&limit);
    status->core_soft = limit.soft;
    status->core_hard = limit.hard;
}

void ph_warn(const char *line)
{
    size_t length = 0;

    while (line[length])
        length++;
    /* There is nowhere left to report that standard error is closed. */
    (void)ph_syscall(SYS_write, 2, (long)line, (long)length, 0, 0);
    (void)ph_syscall(SYS_write, 2, (long)"\n", 1, 0, 0);
}

void ph_exit(int status)
{
    for (;;)
        /* Does not return; the loop is for the compiler. */
        (void)ph_syscall(SYS_exit_group, status, 0, 0, 0, 0);
}

/* capget(2) and capset(2): the kernel's structures, which musl has no header for. */
struct capability_header {
    uint32_t version;
    int32_t pid;
};
struct capability_set {
    uint32_t effective;
    uint32_t permitted;
    uint32_t inheritable;
};
#define CAPABILITY_VERSION_3 0x20080522
#define DAC_OVERRIDE_AND_READ_SEARCH ((1u << 1) | (1u << 2))

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010u /* Linux 6.3, include/uapi/linux/memfd.h */
#endif

/* Copies the file at its current offset to the end. Returns 0 or a negative errno value. */
static long copy(long to, long from)
{
    long sent;

    do
        sent = ph_syscall(SYS_sendfile, to, from, 0, 0x7ffff000, 0);
    while (sent > 0 || sent == -EINTR);
    return sent;
}

/* Type: a new program image that is born non-dumpable.
 * Targets: whoever opens /proc/PID/mem between execve and the first prctl.
 * API: memfd_create, execveat. A file that its caller may not read makes the
 * kernel set fs.suid_dumpable at exec; capabilities that override file modes
 * are put down for the call, and the new image has them again.
 * Source: fs/exec.c would_dump() and begin_new_exec(); memfd_create(2). */
void ph_exec_image(int image_fd, const char *name, char *const argv[], char *const envp[],
                   struct ph_failure *failure)
{
    struct capability_header header = {CAPABILITY_VERSION_3, 0};
    struct capability_set held[2], fewer[2];
    const char *call = "memfd_create";
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    long error = 0;
    long fd = ph_syscall(SYS_memfd_create, (long)name, (long)(flags | MFD_EXEC), 0, 0, 0);

    if (fd == -EINVAL) /* before Linux 6.3 */
        fd = ph_syscall(SYS_memfd_create, (long)name, (long)flags, 0, 0, 0);
    if (fd < 0) {
        ph_fail(failure, PH_INSPECTION, PH_EXIT_INSPECTION, call, (int)-fd);
        return;
    }
    if (!error) {
        call = "sendfile";
        error = copy(fd, image_fd);
    }
    if (!error) {
        call = "fchmod";
        error = ph_syscall(SYS_fchmod, fd, 0111, 0, 0, 0);
    }
    if (!error) {
        call = "fcntl(F_ADD_SEALS)";
        error = ph_syscall(SYS_fcntl, fd, F_ADD_SEALS,
                           F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE, 0, 0);
    }
    if (!error) {
        call = "capget";
        error = ph_syscall(SYS_capget, (long)&header, (long)held, 0, 0, 0);
    }
    if (!error) {
        fewer[0] = held[0];
        fewer[1] = held[1];
        fewer[0].effective &= ~DAC_OVERRIDE_AND_READ_SEARCH;
        call = "capset";
        error = ph_syscall(SYS_capset, (long)&header, (long)fewer, 0, 0, 0);
    }
    if (!error) {
        call = "execveat";
        error = ph_syscall(SYS_execveat, fd, (long)"", (long)argv, (long)envp, AT_EMPTY_PATH);
        /* Giving back what was held a moment ago cannot fail. */
        (void)ph_syscall(SYS_capset, (long)&header, (long)held, 0, 0, 0);
    }
    /* The copy is of no use without the exec; its last descriptor frees it. */
    (void)ph_syscall(SYS_close, fd, 0, 0, 0, 0);
    ph_fail(failure, PH_INSPECTION, PH_EXIT_INSPECTION, call, (int)-error);
}
