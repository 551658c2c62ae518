/* Each step on the running kernel: taken twice, and with a seccomp filter that makes it
 * fail or only reports success; tracers, the bypass, and the execute-only image.
 * Arguments: the witness linked dynamically and, if it could be built, statically. */
#define _GNU_SOURCE
#include "child.h"
#include "launch/place.h"

#include <grp.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define NOBODY 65534
#define ONLY(step) \
    {              \
        .steps = PH_BIT(step), .bypass = PH_BYPASS_VARIABLE \
    }

static const struct ph_policy standard = {.steps = PH_DEFAULT_STEPS, .bypass = PH_BYPASS_VARIABLE};
static const struct ph_policy inspection = ONLY(PH_INSPECTION);
static const struct ph_policy core_limit = ONLY(PH_CORE_LIMIT);
static const struct ph_policy environment = ONLY(PH_ENVIRONMENT);
static const struct ph_policy no_new_privs = ONLY(PH_NO_NEW_PRIVS);
static const struct ph_policy seal = {
    .steps = PH_BIT(PH_INSPECTION) | PH_BIT(PH_NO_NEW_PRIVS) | PH_BIT(PH_SEAL)};
static const struct ph_policy no_steps = {.bypass = PH_BYPASS_VARIABLE};
static const struct ph_policy every_step = {.steps = PH_BIT(PH_STEPS) - 1, .refuse_tracer = 1};
static const struct ph_policy refuse_tracer = {.steps = PH_BIT(PH_INSPECTION), .refuse_tracer = 1};
static const struct ph_policy tracer_alone = {.refuse_tracer = 1};

static const char *const *witnesses; /* argv + 1 */

static int get_prctl(int option)
{
    return prctl(option, 0, 0, 0, 0);
}

static struct rlimit core(void)
{
    struct rlimit limit = {77, 77};

    CHECK(!getrlimit(RLIMIT_CORE, &limit));
    return limit;
}

static int core_is(rlim_t soft, rlim_t hard)
{
    struct rlimit now = core();

    return now.rlim_cur == soft && now.rlim_max == hard;
}

/* Only lowers, so that it works without CAP_SYS_RESOURCE. */
static int set_core(rlim_t soft, rlim_t hard)
{
    struct rlimit limit = {soft, hard};

    return !setrlimit(RLIMIT_CORE, &limit);
}

static int count_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static int harden(const struct ph_policy *policy, struct ph_report *report)
{
    memset(report, 0x55, sizeof *report);
    return ph_harden(policy, NULL, report);
}

/* --- Each step, twice ------------------------------------------------------ */

static void test_inspection(const void *argument)
{
    struct ph_report report;

    (void)argument;
    check_case = "inspection";
    CHECK(get_prctl(PR_GET_DUMPABLE) == 1);
    CHECK(!harden(&inspection, &report));
    check_outcomes(&report, "a----");
    CHECK(!get_prctl(PR_GET_DUMPABLE));
    CHECK(!harden(&inspection, &report));
    check_outcomes(&report, "=----");
    /* If the program undoes it, the next call takes the step again. */
    CHECK(!prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
    CHECK(!harden(&inspection, &report));
    check_outcomes(&report, "a----");
    CHECK(!get_prctl(PR_GET_DUMPABLE));
}

static const struct core_case {
    rlim_t soft, hard;
    const char *outcomes;
} core_cases[] = {
    {0, 0, "-=---"},
    {0, 5, "-a---"},
    {1, 5, "-a---"},
    {5, 5, "-a---"},
    {0, RLIM_INFINITY, "-a---"},
    {RLIM_INFINITY, RLIM_INFINITY, "-a---"},
};

static void test_core_limit(const void *argument)
{
    const struct core_case *row = argument;
    struct ph_report report;

    check_case = "core limit";
    if (!set_core(row->soft, row->hard)) {
        not_tested("a core limit", "the hard limit is lower here");
        return;
    }
    CHECK(!harden(&core_limit, &report));
    check_outcomes(&report, row->outcomes);
    CHECK(core_is(0, 0));
    CHECK(!harden(&core_limit, &report));
    check_outcomes(&report, "-=---");
    CHECK(core_is(0, 0));
}

static void test_no_new_privs(const void *argument)
{
    struct ph_report report;

    (void)argument;
    check_case = "no new privileges";
    if (get_prctl(PR_GET_NO_NEW_PRIVS)) {
        not_tested("setting no_new_privs", "it is set already");
        return;
    }
    CHECK(!harden(&no_new_privs, &report));
    check_outcomes(&report, "---a-");
    CHECK(get_prctl(PR_GET_NO_NEW_PRIVS) == 1);
    CHECK(!harden(&no_new_privs, &report));
    check_outcomes(&report, "---=-");
}

/* Every value but 0 is refused, in every thread. */
static void *try_to_unseal(void *unused)
{
    (void)unused;
    for (long value = 1; value < 4; value++) {
        errno = 0;
        CHECK(prctl(PR_SET_DUMPABLE, value, 0, 0, 0) == -1 && errno == EPERM);
    }
    CHECK(!prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
    CHECK(!get_prctl(PR_GET_DUMPABLE));
    return NULL;
}

static void *wait_and_try_to_unseal(void *sealed)
{
    CHECK(!sem_wait(sealed));
    return try_to_unseal(NULL);
}

static void test_seal(const void *argument)
{
    struct ph_report report;
    struct ph_status now;
    struct ph_failure failure;
    pthread_t before, after;
    sem_t sealed;

    (void)argument;
    check_case = "seal";
    CHECK(!sem_init(&sealed, 0, 0));
    CHECK(!pthread_create(&before, NULL, wait_and_try_to_unseal, &sealed));
    CHECK(!harden(&seal, &report));
    check_outcomes(&report, "a--aa");
    CHECK(!sem_post(&sealed));
    CHECK(!pthread_join(before, NULL));
    CHECK(!pthread_create(&after, NULL, try_to_unseal, NULL));
    CHECK(!pthread_join(after, NULL));
    (void)try_to_unseal(NULL);
    ph_status(&now);
    CHECK(now.sealed == 1);
    CHECK(!harden(&seal, &report));
    check_outcomes(&report, "=--==");
    CHECK(ph_expose(&failure) == -1);
    CHECK(failure.error == EPERM && failure.exit_code == PH_EXIT_INSPECTION);
    CHECK(!get_prctl(PR_GET_DUMPABLE));
}

static void test_expose(const void *argument)
{
    struct ph_report report;
    struct ph_failure failure;

    (void)argument;
    check_case = "expose";
    CHECK(!harden(&inspection, &report));
    CHECK(!ph_expose(&failure));
    CHECK(get_prctl(PR_GET_DUMPABLE) == 1);
    CHECK(!harden(&inspection, &report));
    check_outcomes(&report, "a----");
    CHECK(!get_prctl(PR_GET_DUMPABLE));
}

static void test_all_steps(const void *argument)
{
    int descriptors = count_descriptors();
    struct ph_report report;

    (void)argument;
    check_case = "all steps";
    CHECK(set_core(0, 5));
    CHECK(!harden(&every_step, &report));
    CHECK(report.outcome[PH_INSPECTION] == PH_APPLIED);
    CHECK(report.outcome[PH_CORE_LIMIT] == PH_APPLIED);
    CHECK(get_prctl(PR_GET_NO_NEW_PRIVS) == 1);
    CHECK(!harden(&every_step, &report));
    check_outcomes(&report, "=====");
    CHECK(!report.bypassed);
    CHECK(count_descriptors() == descriptors);
}

static void test_no_steps(const void *argument)
{
    struct rlimit before = core();
    struct ph_report report;

    (void)argument;
    check_case = "no steps";
    CHECK(!harden(&no_steps, &report));
    check_outcomes(&report, "-----");
    CHECK(get_prctl(PR_GET_DUMPABLE) == 1);
    CHECK(core_is(before.rlim_cur, before.rlim_max));
}

/* --- Another process of the same user ------------------------------------- */

static int become_nobody(void)
{
    /* Undo the change to non-dumpable that setuid(2) makes. */
    return !geteuid() && !setgroups(0, NULL) && !setgid(NOBODY) && !setuid(NOBODY) &&
           !prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

/* Returns 0 if an attacker can open the memory of this process, or an errno value. */
static int open_from_outside(void)
{
    char path[64];
    int status = -1;
    pid_t attacker;

    snprintf(path, sizeof path, "/proc/%ld/mem", (long)getpid());
    attacker = fork();
    if (!attacker) {
        /* Undo the attacker's own flag, which it inherits from the victim. */
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
        _exit(open(path, O_RDONLY | O_CLOEXEC) < 0 ? errno : 0);
    }
    CHECK(waitpid(attacker, &status, 0) == attacker && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_attacker(const void *argument)
{
    struct ph_report report;
    struct ph_status status;

    (void)argument;
    check_case = "an attacker of the same user";
    if (!geteuid())
        CHECK(become_nobody());
    if (open_from_outside()) {
        not_tested("an attacker of the same user", "this system refuses the control as well");
        return;
    }
    ph_status(&status);
    CHECK(status.inspectable == 1);
    CHECK(!harden(&standard, &report));
    /* EACCES; ENOENT in recent kernels. */
    CHECK(open_from_outside());
    ph_status(&status);
    CHECK(status.inspectable == 0);
}

/* --- Failures --------------------------------------------------------------- */

#define PRCTL(option, action) {SYS_prctl, 0, (uint32_t)(option), action}
#define CORE(action) {SYS_prlimit64, 1, RLIMIT_CORE, action}
#define CORE_READS_WORK {SYS_prlimit64, 2, 0, ALLOW} /* no new limit */
#define CORE_READS(action) {SYS_prlimit64, 2, 0, action}
#define NO_FILES {SYS_openat, 0, (uint32_t)AT_FDCWD, FAIL(EACCES)}

static const struct failure_case {
    const char *name;
    const struct ph_policy *policy;
    rlim_t soft, hard;
    struct rule rules[MAX_RULES];
    int status;
    const char *outcomes;
    const char *description; /* NULL: no failure */
} failure_cases[] = {
    {"dumpable refused", &standard, 0, 5, {PRCTL(PR_SET_DUMPABLE, FAIL(EPERM))}, 5, "F----",
     "prctl(PR_SET_DUMPABLE, 0) failed: Operation not permitted (EPERM)"},
    {"dumpable refused for another reason", &inspection, 0, 5,
     {PRCTL(PR_SET_DUMPABLE, FAIL(EINVAL))}, 5, "F----",
     "prctl(PR_SET_DUMPABLE, 0) failed: Invalid argument (EINVAL)"},
    {"dumpable lies", &standard, 0, 5, {PRCTL(PR_SET_DUMPABLE, LIE)}, 5, "F----",
     "prctl(PR_SET_DUMPABLE, 0) reported success but is not in force (read back: 1)"},
    {"dumpable cannot be read", &standard, 0, 5, {PRCTL(PR_GET_DUMPABLE, FAIL(EPERM))}, 5, "F----",
     "prctl(PR_GET_DUMPABLE) failed: Operation not permitted (EPERM)"},
    {"dumpable refused, but not asked for", &core_limit, 0, 5,
     {PRCTL(PR_SET_DUMPABLE, FAIL(EPERM))}, 0, "-a---", NULL},

    {"core limit refused", &core_limit, 1, 5, {CORE(FAIL(EPERM))}, 7, "-F---",
     "setrlimit(RLIMIT_CORE, {0, 0}) failed: Operation not permitted (EPERM)"},
    {"core limit refused, soft is 0", &core_limit, 0, 5, {CORE(FAIL(EPERM))}, 7, "-F---",
     "setrlimit(RLIMIT_CORE, {0, 0}) failed: Operation not permitted (EPERM)"},
    {"core limit refused after the first step", &standard, 1, 5, {CORE(FAIL(EPERM))}, 7, "aF---",
     "setrlimit(RLIMIT_CORE, {0, 0}) failed: Operation not permitted (EPERM)"},
    {"core limit refused, both are 0", &core_limit, 0, 0, {CORE(FAIL(EPERM))}, 0, "-=---", NULL},
    {"core limit refused, both are 0 and can be read", &core_limit, 0, 0,
     {CORE_READS_WORK, CORE(FAIL(EPERM))}, 0, "-=---", NULL},
    {"core limit refused, both are 0 but that cannot be known", &core_limit, 0, 0,
     {CORE(FAIL(EPERM)), NO_FILES}, 7, "-F---",
     "setrlimit(RLIMIT_CORE, {0, 0}) failed: Operation not permitted (EPERM)"},
    {"core limit is refused and /proc is not needed", &core_limit, 1, 5,
     {CORE_READS_WORK, CORE(FAIL(EACCES)), NO_FILES}, 7, "-F---",
     "setrlimit(RLIMIT_CORE, {0, 0}) failed: Permission denied (EACCES)"},
    {"core limit lies", &core_limit, 1, 5, {CORE(LIE)}, 7, "-F---",
     "setrlimit(RLIMIT_CORE, {0, 0}) reported success but is not in force (read back: 1)"},
    {"core limit lies, and is seen through", &core_limit, 1, 5, {CORE_READS_WORK, CORE(LIE)}, 7,
     "-F---", "setrlimit(RLIMIT_CORE, {0, 0}) reported success but is not in force (read back: 5)"},
    {"core limit lies, soft is 0", &core_limit, 0, 5, {CORE_READS_WORK, CORE(LIE)}, 7, "-F---",
     "setrlimit(RLIMIT_CORE, {0, 0}) reported success but is not in force (read back: 5)"},
    {"core limit set, reading is refused", &core_limit, 1, 5, {CORE_READS(FAIL(EPERM))}, 0, "-a---",
     NULL},
    {"core limit set, reading is impossible", &core_limit, 1, 5,
     {CORE_READS(FAIL(EPERM)), NO_FILES}, 7, "-F---",
     "getrlimit(RLIMIT_CORE) failed: Operation not permitted (EPERM)"},

    /* The filter itself needs no_new_privs, but makes the kernel report that it is not set. */
    {"no_new_privs refused", &no_new_privs, 0, 5,
     {PRCTL(PR_GET_NO_NEW_PRIVS, LIE), PRCTL(PR_SET_NO_NEW_PRIVS, FAIL(EPERM))}, 5, "---F-",
     "prctl(PR_SET_NO_NEW_PRIVS, 1) failed: Operation not permitted (EPERM)"},
    {"no_new_privs lies", &no_new_privs, 0, 5, {PRCTL(PR_GET_NO_NEW_PRIVS, LIE)}, 5, "---F-",
     "prctl(PR_SET_NO_NEW_PRIVS, 1) reported success but is not in force (read back: 0)"},
    {"no_new_privs unknown", &no_new_privs, 0, 5, {PRCTL(PR_GET_NO_NEW_PRIVS, FAIL(EINVAL))}, 5,
     "---F-",
     "prctl(PR_SET_NO_NEW_PRIVS, 1) reported success but is not in force (read back: -22)"},

    {"tracer cannot be known", &tracer_alone, 0, 5, {NO_FILES}, 6, "F----",
     "reading /proc/self/task failed: Permission denied (EACCES)"},
    {"inspection comes before the tracer", &refuse_tracer, 0, 5,
     {PRCTL(PR_SET_DUMPABLE, FAIL(EPERM)), NO_FILES}, 5, "F----",
     "prctl(PR_SET_DUMPABLE, 0) failed: Operation not permitted (EPERM)"},
    {"no tracer", &tracer_alone, 0, 5, {{0}}, 0, "-----", NULL},
};

static void test_failure(const void *argument)
{
    const struct failure_case *row = argument;
    struct ph_report report;

    check_case = row->name;
    if (!set_core(row->soft, row->hard)) {
        not_tested(row->name, "the hard limit is 0 here");
        return;
    }
    CHECK(!install_rules(row->rules));
    CHECK(harden(row->policy, &report) == row->status);
    check_outcomes(&report, row->outcomes);
    if (row->description) {
        CHECK((int)report.failure.exit_code == row->status);
        check_message(&report, row->description, row->status);
    }
}

/* --- Filters that answer for the kernel ------------------------------------- */

#define FORGED "prctl(PR_SET_DUMPABLE, 0) is not in force: a seccomp filter forges the result; " \
               "run without it"
#define PRCTL_LIES PRCTL(PR_SET_DUMPABLE, LIE), PRCTL(PR_GET_DUMPABLE, LIE)
#define NO_PIDFD(action) {SYS_pidfd_open, 1, 0, action}
#define FILES_LIE {SYS_openat, 0, (uint32_t)AT_FDCWD, LIE}
#define STATX(action) {SYS_statx, 0, (uint32_t)AT_FDCWD, action}

/* What descriptor 0 is, which a filter can pass off for any file. */
enum input { NOTHING, STATUS, PIDFD };

static const struct forgery_case {
    const char *name;
    const struct ph_policy *policy;
    enum input input;
    struct rule rules[MAX_RULES];
    int status;
    const char *outcomes;
    const char *description; /* NULL: no failure */
} forgery_cases[] = {
    {"all of prctl lies", &standard, NOTHING, {PRCTL_LIES}, 5, "F----", FORGED},
    {"before Linux 6.16", &standard, NOTHING, {PRCTL_LIES, NO_PIDFD(FAIL(ENOSYS))}, 5, "F----",
     FORGED},
    {"a pidfd is another process's", &standard, PIDFD, {PRCTL_LIES, NO_PIDFD(LIE)}, 5, "F----",
     FORGED},
    {"status is forged", &standard, STATUS, {PRCTL_LIES, FILES_LIE}, 5, "F----", FORGED},
    {"status is forged, before Linux 6.16", &standard, STATUS,
     {PRCTL_LIES, FILES_LIE, NO_PIDFD(FAIL(ENOSYS))}, 5, "F----", FORGED},
    {"status has no owner", &standard, NOTHING,
     {PRCTL_LIES, STATX(LIE), NO_PIDFD(FAIL(ENOSYS))}, 5, "F----",
     "reading /proc/thread-self/status failed: Input/output error (EIO)"},
    {"there is no status", &standard, NOTHING,
     {PRCTL_LIES, STATX(FAIL(ENOENT)), NO_PIDFD(FAIL(ENOSYS))}, 5, "F----",
     "reading /proc/thread-self/status failed: Input/output error (EIO)"},
    {"an honest filter", &standard, NOTHING, {NO_PIDFD(FAIL(ENOSYS))}, 0, "aa=--", NULL},
    {"an honest filter without files", &standard, NOTHING, {NO_FILES, NO_PIDFD(FAIL(ENOSYS))}, 0,
     "aa=--", NULL},
    {"no tracer, says a forged status", &tracer_alone, STATUS, {FILES_LIE}, 6, "F----",
     "reading /proc/self/task failed: Input/output error (EIO)"},
    {"no threads", &tracer_alone, NOTHING, {{SYS_getdents64, 2, 4096, LIE}}, 6, "F----",
     "reading /proc/self/task failed: Input/output error (EIO)"},
    {"a filter that looks like the seal", &seal, NOTHING,
     {{SYS_prctl, 1, 3, FAIL(EPERM)}, {SYS_seccomp, 0, SECCOMP_FILTER, LIE}}, 5, "a--=F",
     "seccomp(SECCOMP_SET_MODE_FILTER) is not in force: a seccomp filter forges the result; "
     "run without it"},
};

/* What a hardened process of another user looks like. */
static void forge_input(enum input input)
{
    static const char text[] = "Name:\tx\nTracerPid:\t0\nUid:\t1\t1\t1\t1\nSeccomp:\t0\n";
    int fd = -1;

    if (input == STATUS) {
        fd = memfd_create("status", 0);
        CHECK(write(fd, text, sizeof text - 1) == (ssize_t)sizeof text - 1);
        CHECK(!lseek(fd, 0, SEEK_SET));
    } else if (input == PIDFD) {
        fd = (int)syscall(SYS_pidfd_open, 1, 0);
    }
    CHECK(input == NOTHING || (fd >= 0 && !dup2(fd, 0)));
}

static void test_forgery(const void *argument)
{
    const struct forgery_case *row = argument;
    struct ph_report report;
    struct ph_status now;

    check_case = row->name;
    CHECK(set_core(0, 5));
    forge_input(row->input);
    if (!geteuid())
        CHECK(become_nobody());
    CHECK(!install_rules(row->rules));
    CHECK(harden(row->policy, &report) == row->status);
    check_outcomes(&report, row->outcomes);
    if (row->description)
        check_message(&report, row->description, row->status);
    ph_status(&now);
    CHECK(!row->status || row->status == 6 || row->policy == &seal || now.inspectable != 0);
    CHECK(row->status || report.seccomp == 2 || report.seccomp == -1);
}

/* /proc/self/stat cannot be opened. Runs this program again for its own environment. */
static const struct environment_case {
    const char *name;
    const char *variables[4];
    int status;
    const char *outcomes;
} environment_cases[] = {
    {"stat refused, loader variable", {"A=1", "LD_X=1", NULL}, 8, "--F--"},
    {"stat refused, loader variable unset", {"A=1", "LD_UNSET=1", "B=1", NULL}, 8, "--F--"},
    {"stat refused, no loader variable", {"A=1", "LD=1", "XLD_X=1", NULL}, 0, "--=--"},
    {"stat refused, no variable", {NULL}, 0, "--=--"},
};

static void run_environment_case(const struct environment_case *row)
{
    static const struct rule rules[MAX_RULES] = {NO_FILES};
    struct ph_report report;

    CHECK(!unsetenv("LD_UNSET"));
    CHECK(!install_rules(rules));
    CHECK(harden(&environment, &report) == row->status);
    check_outcomes(&report, row->outcomes);
    CHECK(!getenv("LD_X"));
    if (row->status)
        check_message(&report, "reading /proc/self/stat failed: Permission denied (EACCES)",
                      row->status);
}

static void become_environment_case(const void *argument)
{
    const struct environment_case *row = argument;
    const char *const argv[] = {"test_linux", "case", row->name, NULL};

    check_case = row->name;
    execve("/proc/self/exe", (char *const *)(uintptr_t)argv,
           (char *const *)(uintptr_t)row->variables);
    CHECK(!errno);
}

/* --- Tracers ---------------------------------------------------------------- */

static void check_traced(long tracer)
{
    const struct ph_policy *const policies[] = {&refuse_tracer, &tracer_alone};
    char description[PH_MESSAGE_SIZE];
    struct ph_report report;
    struct ph_status status;

    ph_status(&status);
    CHECK(status.tracer_pid == tracer);
    snprintf(description, sizeof description,
             "hardening refused: a tracer is attached (process %ld)", tracer);
    for (size_t i = 0; i < SIZE(policies); i++) {
        CHECK(harden(policies[i], &report) == PH_EXIT_PTRACE);
        check_outcomes(&report, "F----");
        CHECK(report.failure.reason == PH_TRACED && report.failure.value == tracer);
        check_message(&report, description, 6);
    }
    /* Without refuse_tracer, a tracer is not a failure. */
    CHECK(!harden(&standard, &report));
}

static void test_trace_me(const void *argument)
{
    (void)argument;
    check_case = "PTRACE_TRACEME";
    CHECK(!ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    check_traced(getppid());
}

static void *tell_thread(void *to)
{
    pid_t thread = (pid_t)syscall(SYS_gettid);

    CHECK(write(*(int *)to, &thread, sizeof thread) == (ssize_t)sizeof thread);
    pause();
    return NULL;
}

/* argument: NULL for the first thread, or anything for another one. */
static void test_seized(const void *argument)
{
    int to_tracer[2], to_victim[2], seized = -1, status = -1;
    pthread_t another;
    pid_t tracer, thread;

    check_case = argument ? "PTRACE_SEIZE of a thread" : "PTRACE_SEIZE";
    CHECK(!pipe(to_tracer) && !pipe(to_victim));
    tracer = fork();
    if (!tracer) {
        if (read(to_tracer[0], &thread, sizeof thread) != (ssize_t)sizeof thread)
            _exit(1);
        seized = (int)ptrace(PTRACE_SEIZE, thread, NULL, NULL);
        close(to_tracer[1]);
        /* Stays attached until the victim closes its end. */
        _exit(write(to_victim[1], &seized, sizeof seized) != (ssize_t)sizeof seized ||
              read(to_tracer[0], &seized, 1));
    }
    if (argument) {
        CHECK(!pthread_create(&another, NULL, tell_thread, &to_tracer[1]));
    } else {
        thread = getpid();
        CHECK(write(to_tracer[1], &thread, sizeof thread) == (ssize_t)sizeof thread);
    }
    CHECK(read(to_victim[0], &seized, sizeof seized) == (ssize_t)sizeof seized);
    if (seized)
        not_tested("PTRACE_SEIZE", "this system refuses it");
    else
        check_traced(tracer);
    close(to_tracer[1]);
    CHECK(waitpid(tracer, &status, 0) == tracer && !status);
    if (!seized) {
        struct ph_report report;

        CHECK(!harden(&refuse_tracer, &report));
        check_outcomes(&report, "=----");
    }
}

/* --- Bypass ------------------------------------------------------------------- */

static const struct bypass_case {
    const char *value; /* NULL: not set */
    int bypassed;
} bypass_cases[] = {
    {"1", 1}, {"0", 0}, {"10", 0}, {"", 0}, {" 1", 0}, {"1 ", 0}, {"true", 0}, {NULL, 0},
};

static void test_bypass(const void *argument)
{
    const struct bypass_case *row = argument;
    struct ph_policy policy = standard;
    struct ph_report report;
    char message[PH_MESSAGE_SIZE];

    check_case = row->value ? row->value : "bypass not set";
    /* A longer name that starts with the variable's is ignored. */
    CHECK(!setenv(PH_BYPASS_VARIABLE "_", "1", 1));
    if (row->value)
        CHECK(!setenv(PH_BYPASS_VARIABLE, row->value, 1));
    CHECK(ph_bypassed(&policy) == row->bypassed);
    CHECK(!harden(&policy, &report));
    CHECK(report.bypassed == row->bypassed);
    CHECK(get_prctl(PR_GET_DUMPABLE) == row->bypassed);
    if (!row->bypassed)
        return;
    check_outcomes(&report, "-----");
    ph_message(&report, &policy, message, sizeof message);
    CHECK_TEXT(message, "process-hardening: CODEX_SKIP_HARDENING=1: starting without hardening, "
                        "which exposes secrets");
    policy.refuse_bypass = 1;
    CHECK(harden(&policy, &report) == PH_EXIT_ENVIRONMENT);
    CHECK(!report.bypassed);
    check_outcomes(&report, "--F--");
    policy.bypass = "NO_SUCH_VARIABLE";
    CHECK(!ph_bypassed(&policy));
    policy.bypass = NULL;
    CHECK(!ph_bypassed(&policy));
    CHECK(!harden(&policy, &report));
    CHECK(!report.bypassed);
    CHECK(!get_prctl(PR_GET_DUMPABLE));
}

/* Runs in the set-user-ID copy. */
static void run_privileged(void)
{
    struct ph_report report;

    check_case = "set-user-ID";
    CHECK(getauxval(AT_SECURE));
    CHECK(geteuid() == NOBODY);
    CHECK(getenv(PH_BYPASS_VARIABLE) && !strcmp(getenv(PH_BYPASS_VARIABLE), "1"));
    CHECK(!ph_bypassed(&standard));
    CHECK(!prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
    CHECK(!harden(&standard, &report));
    CHECK(!report.bypassed);
    CHECK(report.outcome[PH_INSPECTION] == PH_APPLIED);
    CHECK(!get_prctl(PR_GET_DUMPABLE));
}

static void become_privileged(const void *argument)
{
    const char *const argv[] = {"test_linux", "privileged", NULL};
    const char *const variables[] = {PH_BYPASS_VARIABLE "=1", NULL};

    check_case = "set-user-ID";
    execve(argument, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)variables);
    CHECK(!errno);
}

static int copy_program(int to)
{
    static char bytes[65536];
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    ssize_t length = 1;

    while (length > 0) {
        length = read(from, bytes, sizeof bytes);
        if (length > 0 && write(to, bytes, (size_t)length) != length)
            length = -1;
    }
    close(from);
    return !length;
}

static void test_privileged(void)
{
    /* In the working directory: /tmp is often mounted nosuid. */
    char path[] = "./set-user-id-XXXXXX";
    int fd;

    check_case = "set-user-ID";
    if (geteuid()) {
        not_tested("a set-user-ID program ignores the bypass", "needs root");
        return;
    }
    if (!CHECK((fd = mkstemp(path)) >= 0))
        return;
    CHECK(copy_program(fd));
    CHECK(!fchown(fd, NOBODY, (gid_t)-1) && !fchmod(fd, 04755));
    close(fd);
    isolated(become_privileged, path);
    CHECK(!unlink(path));
    check_case = "";
}

/* --- ph_status, ph_warn, ph_exit --------------------------------------------- */

static const struct status_case {
    const char *name;
    rlim_t soft, hard;
    struct rule rules[MAX_RULES];
    const struct ph_policy *policy;
    struct ph_status expected;
} status_cases[] = {
    {"status before", 1, 5, {{0}}, &no_steps, {1, 1, 0, 0, 0, 0, 1, 1, 5}},
    {"status after", 1, 5, {{0}}, &standard, {0, 0, 0, 0, 0, 0, 1, 0, 0}},
    {"status after no_new_privs", 0, 5, {{0}}, &no_new_privs, {1, 1, 1, 0, 0, 0, 1, 0, 5}},
    {"status from /proc", 1, 5, {CORE(FAIL(EPERM))}, &no_steps, {1, 1, 1, 0, 2, 0, 1, 1, 5}},
    {"status from /proc, hard unlimited", 1, RLIM_INFINITY, {CORE(FAIL(EPERM))}, &no_steps,
     {1, 1, 1, 0, 2, 0, 1, 1, UINT64_MAX}},
    {"status from /proc, unlimited", RLIM_INFINITY, RLIM_INFINITY, {CORE(FAIL(EPERM))}, &no_steps,
     {1, 1, 1, 0, 2, 0, 1, UINT64_MAX, UINT64_MAX}},
    {"status of what cannot be read", 1, 5,
     {CORE(FAIL(EPERM)), NO_FILES, PRCTL(PR_GET_DUMPABLE, FAIL(EPERM)),
      PRCTL(PR_GET_NO_NEW_PRIVS, FAIL(EPERM))},
     &no_steps, {-1, -1, -1, 0, -1, -1, 0, 0, 0}},
};

static void test_status(const void *argument)
{
    const struct status_case *row = argument;
    const struct ph_status *expected = &row->expected;
    struct ph_report report;
    struct ph_status actual;

    check_case = row->name;
    if (!set_core(row->soft, row->hard)) {
        not_tested(row->name, "the hard limit is lower here");
        return;
    }
    CHECK(!harden(row->policy, &report));
    if (row->rules[0].action)
        CHECK(!install_rules(row->rules));
    memset(&actual, 0x55, sizeof actual);
    ph_status(&actual);
    CHECK(actual.dumpable == expected->dumpable);
    CHECK(actual.inspectable == expected->inspectable);
    CHECK(actual.no_new_privs == expected->no_new_privs);
    CHECK(actual.sealed == expected->sealed);
    CHECK(actual.seccomp == expected->seccomp);
    CHECK(actual.tracer_pid == expected->tracer_pid);
    CHECK(actual.core_known == expected->core_known);
    if (expected->core_known) {
        CHECK(actual.core_soft == expected->core_soft);
        CHECK(actual.core_hard == expected->core_hard);
    }
}

static void warn(const void *line)
{
    ph_warn(line);
    _exit(0);
}

static void exit_otherwise(void)
{
    printf("an atexit handler ran\n");
    fflush(stdout);
    _exit(99);
}

static void exit_now(const void *argument)
{
    (void)argument;
    if (atexit(exit_otherwise))
        _exit(98);
    printf("this is in a buffer only");
    ph_exit(7);
}

static void test_warn_and_exit(void)
{
    static struct output output;

    check_case = "ph_warn";
    capture(warn, "one line", &output);
    CHECK_TEXT(output.err, "one line\n");
    CHECK(!*output.out && exited_with(&output, 0));
    capture(warn, "", &output);
    CHECK_TEXT(output.err, "\n");

    check_case = "ph_exit";
    capture(exit_now, NULL, &output);
    CHECK_TEXT(output.out, "");
    CHECK(exited_with(&output, 7));
    check_case = "";
}

/* --- The execute-only image ---------------------------------------------------- */

static char *const image_arguments[] = {"first argument", "", "LD_X=1", "\xff", NULL};
static char *const image_variables[] = {"A=1", "LD_X=kept", "B=", NULL};

struct image {
    const char *path;
    int nobody; /* drop to an unprivileged user before */
    int plain;  /* the control: an ordinary exec */
    struct rule rules[MAX_RULES];
};

/* Becomes the program that image_fd contains, or says why not and leaves nothing behind. */
static void exec_in_memory(int image_fd, const char *name, struct ph_failure *failure)
{
    const struct ph_contents contents = {name, NULL, 0, image_fd};
    struct ph_place place = {-1, "", "", 0};
    long error = ph_place_in_memory(&contents, &place);

    if (!error)
        error = ph_place_execute(&place, image_arguments, image_variables);
    *failure = (struct ph_failure){.error = (int)-error, .call = place.call};
    if (place.fd >= 0)
        close((int)place.fd);
}

static void exec_image(const void *argument)
{
    const struct image *image = argument;
    struct ph_failure failure = {.call = "an ordinary exec"};
    char text[PH_MESSAGE_SIZE];
    int fd = open(image->path, O_RDONLY | O_CLOEXEC);

    if (image->nobody && !become_nobody())
        _exit(95);
    if (image->rules[0].action && install_rules(image->rules))
        _exit(94);
    /* Also by descriptor, since an unprivileged user may be unable to open the path. */
    if (image->plain)
        syscall(SYS_execveat, fd, "", image_arguments, image_variables, AT_EMPTY_PATH);
    else
        exec_in_memory(fd, "name", &failure);
    ph_describe(&failure, text, sizeof text);
    printf("%s\n", text);
}

/* Copies the line that starts with label, including its newline, or "". */
static const char *line_of(const struct output *output, const char *label, char *line, size_t size)
{
    const char *start = strstr(output->out, label);
    const char *end = start ? strchr(start, '\n') : NULL;

    snprintf(line, size, "%.*s", end ? (int)(end + 1 - start) : 0, end ? start : "");
    return line;
}

static void check_line(const struct output *output, const char *label, const char *expected)
{
    char line[1024];

    CHECK_TEXT(line_of(output, label, line, sizeof line), expected);
}

static long suid_dumpable(void)
{
    char text[16] = "";
    int fd = open("/proc/sys/fs/suid_dumpable", O_RDONLY | O_CLOEXEC);

    CHECK(read(fd, text, sizeof text - 1) > 0);
    close(fd);
    return strtol(text, NULL, 10);
}

static void check_image(struct image image, const char *name)
{
    static struct output control, output;
    char dumpable[64], seals[64], line[1024];

    check_case = name;
    image.plain = 1;
    capture(exec_image, &image, &control);
    image.plain = 0;
    capture(exec_image, &image, &output);
    if (!CHECK(exited_with(&control, 0)) || !CHECK(exited_with(&output, 0)))
        printf("  %s", output.out);
    CHECK_TEXT(control.err, "");
    CHECK_TEXT(output.err, "");

    check_line(&control, "dumpable", "dumpable 1\n");
    snprintf(dumpable, sizeof dumpable, "dumpable %ld\n", suid_dumpable());
    check_line(&output, "dumpable", dumpable);
    check_line(&output, "arguments", "arguments|first argument||LD_X=1|\xff\n");
    check_line(&output, "variables", "variables|A=1|LD_X=kept|B=\n");
    check_line(&output, "image", "image /memfd:name (deleted) mode 111\n");
    /* Only root can open it to read the seals: seal, shrink, grow and write. */
    snprintf(seals, sizeof seals, geteuid() || image.nobody ? "seals error %d\n" : "seals %d\n",
             geteuid() || image.nobody ? EACCES : 0xf);
    check_line(&output, "seals", seals);
    /* As after an ordinary exec. */
    check_line(&output, "CapEff", line_of(&control, "CapEff", line, sizeof line));
    CHECK(*line);
    check_line(&output, "descriptors", line_of(&control, "descriptors", line, sizeof line));
    CHECK(*line);
    check_case = "";
}

static void test_images(void)
{
    /* Linux before 6.3 rejects MFD_EXEC. */
    const uint32_t flags = MFD_CLOEXEC | MFD_ALLOW_SEALING | 0x0010u;
    struct image image = {witnesses[0], 0, 0, {{0}}};

    check_image(image, "execute-only, dynamic");
    if (!geteuid()) {
        image.nobody = 1;
        check_image(image, "execute-only, dynamic, unprivileged");
        image.nobody = 0;
    }
    image.rules[0] = (struct rule){SYS_memfd_create, 1, flags, FAIL(EINVAL)};
    check_image(image, "execute-only before Linux 6.3");
    image.rules[0] = (struct rule){0};
    image.path = witnesses[1];
    if (image.path)
        check_image(image, "execute-only, static");
    else
        not_tested("execute-only, static", "no static program could be linked here");
}

static const struct image_failure_case {
    const char *name;
    enum {NO_IMAGE, DIRECTORY, WRITE_ONLY, EMPTY, TEXT, WHOLE} image;
    struct rule rules[MAX_RULES];
    const char *call;
    int error;
} image_failure_cases[] = {
    {"no descriptor", NO_IMAGE, {{0}}, "sendfile", EBADF},
    {"a directory", DIRECTORY, {{0}}, "sendfile", EINVAL},
    {"not readable", WRITE_ONLY, {{0}}, "sendfile", EBADF},
    {"empty", EMPTY, {{0}}, "execveat", ENOEXEC},
    {"no program", TEXT, {{0}}, "execveat", ENOEXEC},
    {"memfd_create refused", WHOLE, {{SYS_memfd_create, 2, 0, FAIL(EPERM)}}, "memfd_create",
     EPERM},
    {"memfd_create unknown", WHOLE, {{SYS_memfd_create, 2, 0, FAIL(EINVAL)}}, "memfd_create",
     EINVAL},
    {"sendfile refused", WHOLE, {{SYS_sendfile, 2, 0, FAIL(ENOSPC)}}, "sendfile", ENOSPC},
    {"fchmod refused", WHOLE, {{SYS_fchmod, 1, 0111, FAIL(EPERM)}}, "fchmod", EPERM},
    {"seals refused", WHOLE, {{SYS_fcntl, 1, F_ADD_SEALS, FAIL(EBUSY)}}, "fcntl(F_ADD_SEALS)",
     EBUSY},
    {"capget refused", WHOLE, {{SYS_capget, 2, 0, FAIL(EPERM)}}, "capget", EPERM},
    {"capset refused", WHOLE, {{SYS_capset, 2, 0, FAIL(EPERM)}}, "capset", EPERM},
    {"capset claims success", WHOLE, {{SYS_capset, 2, 0, LIE}}, "capset", EIO},
    {"memfd_create claims success", WHOLE, {{SYS_memfd_create, 2, 0, LIE}}, "memfd_create", EIO},
    {"seals claim success", WHOLE, {{SYS_fcntl, 1, F_ADD_SEALS, LIE}}, "fcntl(F_GET_SEALS)", EIO},
    {"all that is read back lies", WHOLE,
     {{SYS_fchmod, 1, 0111, LIE}, {SYS_statx, 2, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, LIE}},
     "reading back what was written", EIO},
    {"fchmod claims success", WHOLE, {{SYS_fchmod, 1, 0111, LIE}}, "reading back what was written",
     EIO},
    {"sendfile claims success", WHOLE, {{SYS_sendfile, 2, 0, LIE}},
     "reading back what was written", EIO},
    {"execveat refused", WHOLE, {{SYS_execveat, 4, AT_EMPTY_PATH, FAIL(EACCES)}}, "execveat",
     EACCES},
};

static int open_image(const struct image_failure_case *row)
{
    static const char text[] = "This is no program.\n";
    int fd = -1;

    switch (row->image) {
    case NO_IMAGE:
        return -1;
    case DIRECTORY:
        return open("/", O_RDONLY | O_CLOEXEC);
    case WRITE_ONLY:
        return open("/dev/null", O_WRONLY | O_CLOEXEC);
    case WHOLE:
        return open(witnesses[0], O_RDONLY | O_CLOEXEC);
    case EMPTY:
    case TEXT:
        fd = memfd_create("image", MFD_CLOEXEC);
        if (row->image == TEXT)
            CHECK(write(fd, text, sizeof text) == (ssize_t)sizeof text && !lseek(fd, 0, SEEK_SET));
    }
    return fd;
}

/* What exec_in_memory() could fail to restore. */
struct state {
    uint32_t capabilities[6];
    int descriptors;
    int dumpable;
    struct rlimit core;
};

static struct state state_now(void)
{
    uint32_t header[2] = {0x20080522, 0}; /* _LINUX_CAPABILITY_VERSION_3, this thread */
    struct state state;

    memset(&state, 0, sizeof state);
    /* A filter that denies capget(2) leaves zeroes before and after. */
    (void)syscall(SYS_capget, header, state.capabilities, 0L); /* 0: what its rule looks at */
    state.descriptors = count_descriptors();
    state.dumpable = get_prctl(PR_GET_DUMPABLE);
    state.core = core();
    return state;
}

static void test_image_failure(const void *argument)
{
    const struct image_failure_case *row = argument;
    int fd = open_image(row);
    struct ph_failure failure;
    struct state before, after;

    check_case = row->name;
    if (row->rules[0].action)
        CHECK(!install_rules(row->rules));
    before = state_now();
    memset(&failure, 0x55, sizeof failure);
    exec_in_memory(fd, "name", &failure);
    after = state_now();
    CHECK(!memcmp(before.capabilities, after.capabilities, sizeof before.capabilities));
    CHECK(before.descriptors == after.descriptors);
    CHECK(before.dumpable == after.dumpable);
    CHECK(!memcmp(&before.core, &after.core, sizeof before.core));
    CHECK_TEXT(failure.call, row->call);
    CHECK(failure.error == row->error);
}

/* memfd_create(2) refuses more than 249 bytes. */
static void test_long_name(const void *argument)
{
    char name[300];
    struct ph_failure failure;
    struct state before = state_now(), after;

    (void)argument;
    check_case = "a long name is shortened";
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    exec_in_memory(-1, name, &failure);
    after = state_now();
    CHECK(!memcmp(&before, &after, sizeof before));
    CHECK_TEXT(failure.call, "sendfile");
    CHECK(failure.error == EBADF);
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "case"))
        for (size_t i = 0; i < SIZE(environment_cases); i++)
            if (!strcmp(environment_cases[i].name, argv[2])) {
                check_case = environment_cases[i].name;
                run_environment_case(&environment_cases[i]);
                end_test();
            }
    if (argc == 2 && !strcmp(argv[1], "privileged")) {
        run_privileged();
        end_test();
    }
    if (argc < 2)
        return 2;
    witnesses = (const char *const *)(uintptr_t)(argv + 1);

    isolated(test_inspection, NULL);
    for (size_t i = 0; i < SIZE(core_cases); i++)
        isolated(test_core_limit, &core_cases[i]);
    isolated(test_no_new_privs, NULL);
    isolated(test_seal, NULL);
    isolated(test_expose, NULL);
    isolated(test_all_steps, NULL);
    isolated(test_no_steps, NULL);
    isolated(test_attacker, NULL);
    for (size_t i = 0; i < SIZE(failure_cases); i++)
        isolated(test_failure, &failure_cases[i]);
    for (size_t i = 0; i < SIZE(forgery_cases); i++)
        isolated(test_forgery, &forgery_cases[i]);
    for (size_t i = 0; i < SIZE(environment_cases); i++)
        isolated(become_environment_case, &environment_cases[i]);
    isolated(test_trace_me, NULL);
    isolated(test_seized, NULL);
    isolated(test_seized, "another thread");
    for (size_t i = 0; i < SIZE(bypass_cases); i++)
        isolated(test_bypass, &bypass_cases[i]);
    test_privileged();
    for (size_t i = 0; i < SIZE(status_cases); i++)
        isolated(test_status, &status_cases[i]);
    test_warn_and_exit();
    test_images();
    for (size_t i = 0; i < SIZE(image_failure_cases); i++)
        /* Without capabilities there is nothing to drop, and the image starts. */
        if (!geteuid() || image_failure_cases[i].rules[0].number != SYS_capset)
            isolated(test_image_failure, &image_failure_cases[i]);
    isolated(test_long_name, NULL);
    return check_summary();
}
