/* Landlock keeps a process from tracing, reading and signalling processes outside its domain; a
 * seccomp filter blocks the few other ways to their memory. */
#define _GNU_SOURCE
#include "domain.h"

#include "../core/text.h"
#include "../exec/linux_file.h"
#include "domain_filter.h"
#include "process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* include/uapi/linux/landlock.h, capability.h, close_range.h and fcntl.h, which some libcs lack; the
 * numbers are the same on every architecture. */
#define CALL_CREATE_RULESET 444
#define CALL_ADD_RULE 445
#define CALL_RESTRICT_SELF 446
#define GET_VERSION 1
#define RULE_PATH_BENEATH 1
#define MAY_MAKE_BLOCK (1 << 11)
#define MAY_REFER (1 << 13)
#define SCOPE_SIGNAL 2
#define RESTRICT_ALL_THREADS 8
#define NSFS_ROOT (-10003) /* FD_NSFS_ROOT */
#define MOST_DOMAINS 16    /* nested: LANDLOCK_MAX_NUM_LAYERS */

static const char create_ruleset[] = "landlock_create_ruleset";
static const char restrict_self[] = "landlock_restrict_self";
static const char set_capabilities[] = "capset";
static const char set_filter[] = "seccomp(SECCOMP_SET_MODE_FILTER)";
static const char make_probe[] = "starting a process to test the restrictions on";
static const char read_probe[] = "reading /proc/PID/environ of a test process";

/* Returns -1. */
static int fail(struct ph_failure *failure, const char *call, long error)
{
    *failure = (struct ph_failure){
        .reason = PH_CALL_FAILED, .error = error < 0 ? (int)-error : EBUSY, .call = call};
    return -1;
}

long ph_landlock_version(struct ph_failure *failure)
{
    const long version = ph_syscall(CALL_CREATE_RULESET, 0, 0, GET_VERSION, 0, 0);

    /* 0: a filter faked success. */
    return version > 0 ? version : fail(failure, create_ruleset, version ? version : -ENOSYS);
}

/* A domain must restrict something. If Landlock cannot block signals (versions 1 to 5) or the flags
 * do not request that, it restricts one file operation, and a rule then allows it everywhere. */
static long set_domain(long version, unsigned flags, const char **call)
{
    const int scoped = flags & PH_CONFINE_SIGNALS && version >= PH_LANDLOCK_SIGNALS;
    const uint64_t right = version >= PH_LANDLOCK_REFER ? MAY_REFER : MAY_MAKE_BLOCK;
    const struct {
        uint64_t files, network, scopes;
    } handled = {scoped ? 0 : right, 0, scoped ? SCOPE_SIGNAL : 0};
    struct {
        uint64_t rights;
        int32_t folder;
    } __attribute__((packed)) rule = {right, -1};
    long ruleset, error = 0;

    *call = create_ruleset;
    ruleset = ph_syscall(CALL_CREATE_RULESET, (long)&handled, sizeof handled, 0, 0, 0);
    if (ruleset < 0)
        return ruleset;
    if (!scoped) {
        const long root = PH_CALL(SYS_openat, AT_FDCWD, "/", O_PATH | O_CLOEXEC);

        *call = "landlock_add_rule";
        rule.folder = (int)root;
        error = root < 0 ? root
                         : ph_syscall(CALL_ADD_RULE, ruleset, RULE_PATH_BENEATH, (long)&rule, 0, 0);
        (void)ph_syscall(SYS_close, root, 0, 0, 0, 0);
    }
    if (!error) {
        *call = restrict_self;
        error = ph_syscall(CALL_RESTRICT_SELF, ruleset,
                           flags & PH_CONFINE_THREADS ? RESTRICT_ALL_THREADS : 0, 0, 0, 0);
    }
    (void)ph_syscall(SYS_close, ruleset, 0, 0, 0, 0);
    return error;
}

static const struct {
    uint32_t version;
    int pid;
} self = {PH_CAPABILITY_VERSION, 0};

static long read_capabilities(struct ph_capabilities half[2])
{
    const struct ph_capabilities none[2] = PH_NO_CAPABILITIES;
    long error;

    half[0] = none[0];
    half[1] = none[1];
    error = PH_CALL(SYS_capget, &self, half);
    return error || ph_were_read(half) ? error : -EIO;
}

static int can_bypass(const struct ph_capabilities half[2])
{
    return half[0].permitted & PH_BYPASSING_LOW || half[1].permitted & PH_BYPASSING_HIGH;
}

/* Gives up capabilities. no_new_privs prevents exec from restoring them, even for root. */
static long drop_capabilities(unsigned flags)
{
    struct ph_capabilities half[2];
    long error = read_capabilities(half);

    if (error || !can_bypass(half))
        return error;
    if (flags & PH_CONFINE_THREADS) /* capset(2) changes one thread only */
        return -EBUSY;
    for (int i = 0; i < 2; i++) {
        const uint32_t kept = i ? ~PH_BYPASSING_HIGH : ~PH_BYPASSING_LOW;

        half[i].effective &= kept;
        half[i].permitted &= kept;
        half[i].inheritable &= kept;
    }
    error = ph_syscall(SYS_capset, (long)&self, (long)half, 0, 0, 0);
    if (!error)
        error = read_capabilities(half);
    return error ? error : can_bypass(half) ? -EIO : 0;
}

/* What a confined process must not be able to do. Each function returns a negative errno value if
 * the kernel refused the attempt. */
static long read_environment(long probe)
{
    char path[40], byte;
    struct ph_text text = PH_TEXT(path);
    long fd, result;

    ph_add(&text, "/proc/");
    ph_add_number(&text, (unsigned long)probe);
    ph_add(&text, "/environ");
    fd = ph_syscall(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0);
    if (fd < 0)
        return fd;
    result = ph_read_at(fd, &byte, 1, 0);
    (void)ph_syscall(SYS_close, fd, 0, 0, 0, 0);
    return result;
}

static long send_signal(long probe)
{
    return ph_syscall(SYS_kill, probe, SIGKILL, 0, 0, 0);
}

static long set_limit(long probe)
{
    static const uint64_t zero[2];

    return ph_syscall(SYS_prlimit64, probe, RLIMIT_CORE, (long)zero, 0, 0);
}

/* -1 is not a descriptor: without the filter, this call and the next one fail with EBADF. */
static long type_into_terminal(long probe)
{
    (void)probe;
    return ph_syscall(SYS_ioctl, -1, REQUEST_TIOCSTI, (long)"", 0, 0);
}

static long choose_signal(long probe)
{
    (void)probe;
    return ph_syscall(SYS_fcntl, -1, COMMAND_SETSIG, SIGQUIT, 0, 0);
}

/* There is no handle and no namespace: without the filter, this call and the next one fail with
 * EFAULT and EBADF. Older kernels refuse the first to most users anyway. */
static long open_handle(long probe)
{
    (void)probe;
    return ph_syscall(SYS_open_by_handle_at, NSFS_ROOT, 0, O_RDONLY, 0, 0);
}

static long list_namespaces(long probe)
{
    (void)probe;
    return ph_syscall(SYS_ioctl, -1, REQUEST_NEXT_NAMESPACE, 0, 0, 0);
}

static const struct {
    const char *call; /* the call that should have blocked the attempt */
    long (*attempt)(long probe);
    unsigned flag;    /* check it only if this flag is set; 0: always */
} forbidden[] = {
    {restrict_self, read_environment, 0},
    {set_filter, choose_signal, 0}, /* before the others that the filter blocks: ph_is_confined() */
    {set_filter, set_limit, 0},
    {set_filter, type_into_terminal, 0},
    {set_filter, open_handle, 0},
    {set_filter, list_namespaces, 0},
    {restrict_self, send_signal, PH_CONFINE_SIGNALS}, /* last: it may kill the probe */
};

static int check_restrictions(unsigned flags, long probe, struct ph_failure *failure)
{
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
        long result;

        if (forbidden[i].flag & ~flags)
            continue;
        result = forbidden[i].attempt(probe);
        if (result == -EPERM || result == -EACCES)
            continue;
        *failure = (struct ph_failure){
            .reason = PH_NOT_IN_FORCE, .value = result, .call = forbidden[i].call};
        return -1;
    }
    return 0;
}

int ph_confine(unsigned flags, long probe, struct ph_failure *failure)
{
    const long version = ph_landlock_version(failure);
    const long all = flags & PH_CONFINE_THREADS ? SECCOMP_FILTER_FLAG_TSYNC : 0;
    const char *call;
    long error;

    if (version < 0)
        return -1;
    if (version < PH_LANDLOCK_SIGNALS)
        flags &= ~PH_CONFINE_SIGNALS;
    error = read_environment(probe); /* must succeed, or its refusal below proves nothing */
    if (error < 0)
        return fail(failure, read_probe, error);
    error = ph_syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!error && ph_syscall(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        error = -EIO; /* a filter only claimed success */
    if (error)
        return fail(failure, "prctl(PR_SET_NO_NEW_PRIVS, 1)", error);
    error = drop_capabilities(flags);
    if (error)
        return fail(failure, set_capabilities, error);
    error = set_domain(version, flags, &call);
    if (error)
        return fail(failure, call, error);
    error = ph_syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW | all,
                       (long)&ph_domain_program, 0, 0);
    if (error) /* positive: the id of a thread with other filters */
        return fail(failure, set_filter, error);
    return check_restrictions(flags, probe, failure);
}

/* The number of domains that this process is in, or -1. The kernel does not report this number, but
 * at most MOST_DOMAINS can be nested, so a child adds as many as it can, and MOST_DOMAINS
 * minus that number is ours. The child's domains disappear when it exits. A filter that fakes
 * success always gives the same answer, so the child would either add no domain or never get
 * E2BIG. */
static int count_domains(void)
{
    struct ph_failure failure;
    const long version = ph_landlock_version(&failure);
    const char *call;
    long child, added = 0, error = 0;

    if (version < 0)
        return -1;
    child = ph_fork(0, NULL);
    if (!child) {
        while (added <= MOST_DOMAINS && !error)
            if (!(error = set_domain(version, PH_CONFINE_SIGNALS, &call)))
                added++;
        ph_exit(error == -E2BIG ? (int)added : 0);
    }
    added = child < 0 ? child : ph_wait(child);
    return added > 0 ? MOST_DOMAINS - (int)added : -1;
}

/* Other programs' filters may kill a process for an unknown call, but never for fcntl(2). So the
 * other calls are made only if a filter refuses F_SETSIG, as ours does. */
int ph_is_confined(void)
{
    const long nobody = -1;
    struct ph_capabilities half[2];
    int domains;

    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
        if (forbidden[i].call == set_filter && forbidden[i].attempt(nobody) != -EPERM)
            return 0;
    domains = count_domains();
    if (domains <= 0)
        return domains;
    return read_capabilities(half) || can_bypass(half) ? -1 : 1;
}

static const struct {
    const char *call;
    int error;
    const char *advice;
} advices[] = {
    {create_ruleset, ENOSYS,
     "Landlock is not available: use Linux 5.13 or later with CONFIG_SECURITY_LANDLOCK, or allow"
     " the landlock_* calls in the seccomp profile that hides them"},
    {create_ruleset, EOPNOTSUPP,
     "Landlock is disabled: add landlock to lsm= on the kernel command line"},
    {create_ruleset, EPERM, "allow the landlock_* calls in the seccomp profile that denies them"},
    {restrict_self, EPERM, "allow the landlock_* calls in the seccomp profile that denies them"},
    {restrict_self, E2BIG, "Linux allows at most 16 nested confinements"}, /* MOST_DOMAINS */
    {set_capabilities, EBUSY, "as root, confine before the process starts threads"},
    {set_filter, EBUSY, "another thread has its own seccomp filters: confine before it starts"},
    {set_filter, EINVAL, "use a kernel with CONFIG_SECCOMP_FILTER"},
    {read_probe, 0, "mount /proc: the restrictions cannot be tested without it"},
};

void ph_confine_describe(const struct ph_failure *failure, char *buffer, size_t size)
{
    struct ph_text text = {buffer, size, 0, 0};

    ph_describe(failure, buffer, size);
    while (text.length < size && buffer[text.length])
        text.length++;
    for (size_t i = 0; i < sizeof advices / sizeof *advices; i++) {
        if (failure->reason != PH_CALL_FAILED || failure->call != advices[i].call ||
            (advices[i].error && failure->error != advices[i].error))
            continue;
        ph_add(&text, ": ");
        ph_add(&text, advices[i].advice);
        return;
    }
}

/* Closes every descriptor but the first two. Afterwards the lowest free number must be 2, which was
 * in use: a seccomp filter cannot forge that number. */
static int close_inherited(void)
{
    return ph_syscall(SYS_fcntl, 0, F_DUPFD, 2, 0, 0) >= 2 &&
           !ph_syscall(CALL_CLOSE_RANGE, 2, -1, 0, 0, 0) &&
           ph_syscall(SYS_fcntl, 0, F_DUPFD, 2, 0, 0) == 2; /* 2 stays a copy of 0 */
}

void ph_probe_wait(void)
{
    char byte = '\n';

    /* Other processes can inspect this one, so it must not keep inherited descriptors. */
    if (!close_inherited())
        ph_exit(1);
    (void)ph_syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
    if (ph_syscall(SYS_write, 1, (long)&byte, 1, 0, 0) == 1)
        (void)ph_syscall(SYS_read, 0, (long)&byte, 1, 0, 0);
    ph_exit(0);
}

int ph_probe_start(const struct ph_span *secrets, struct ph_probe *probe,
                   struct ph_failure *failure)
{
    int ends[2] = {-1, -1};
    char byte;
    const long error =
        ph_syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, (long)ends, 0);

    if (error || ends[0] < 0)
        return fail(failure, make_probe, error ? error : -EIO);
    probe->pid = ph_fork(0, NULL);
    if (!probe->pid) {
        /* volatile: nothing reads the bytes again, so a compiler could leave this out. */
        for (volatile char *at = secrets->start; at < secrets->end; at++)
            *at = '\0';
        /* dup3(2) refuses a descriptor that is already in place, which needs no copy. */
        (void)ph_syscall(SYS_dup3, ends[1], 0, 0, 0, 0);
        (void)ph_syscall(SYS_dup3, 0, 1, 0, 0, 0);
        if (ph_lead_to_same(ends[1], 0) && ph_lead_to_same(0, 1))
            ph_probe_wait();
        ph_exit(1);
    }
    (void)ph_syscall(SYS_close, ends[1], 0, 0, 0, 0);
    probe->socket = ends[0];
    if (probe->pid < 0) {
        (void)ph_syscall(SYS_close, probe->socket, 0, 0, 0, 0);
        return fail(failure, make_probe, probe->pid);
    }
    if (ph_syscall(SYS_read, probe->socket, (long)&byte, 1, 0, 0) == 1)
        return 0;
    ph_probe_end(probe);
    return fail(failure, make_probe, -EIO);
}

void ph_probe_end(const struct ph_probe *probe)
{
    /* Either call makes the probe exit. Both are made because a filter may fake one of them. */
    (void)ph_syscall(SYS_shutdown, probe->socket, SHUT_WR, 0, 0, 0);
    (void)ph_syscall(SYS_close, probe->socket, 0, 0, 0, 0);
    (void)ph_wait(probe->pid);
}
