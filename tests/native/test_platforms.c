/* The platform files of other systems, each against a fake of its system: the order
 * of the calls, the message and status of each failure, and the memory afterwards.
 * system.h has the tables of the system that this was compiled for. */
#include "check.h"
#include "system.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE(array) (sizeof(array) / sizeof *(array))

static const char *const program[] = {"program", LOADER "=in-argv", NULL};

/* The second and fifth are loader variables. */
static const char *const variables[] = {
    "HOME=/root",     LOADER "=/tmp/evil.so", "MY_" LOADER "=kept", "LD=kept",
    LOADER_TOO "=/x", NO_LOADER "=kept",      "LANG=C",             NULL,
};

static int is_loader(const char *entry)
{
    return !strcmp(entry, variables[1]) || !strcmp(entry, variables[4]);
}

/* Runs a test in a child, since the core has state. */
static void isolated(void (*test)(const void *), const void *argument)
{
    int counts[2] = {1, 1}, ends[2];
    int status = 0;
    pid_t child;

    fflush(stdout);
    if (!CHECK(!pipe(ends)))
        return;
    child = fork();
    if (!child) {
        check_count = check_failures = 0;
        test(argument);
        fflush(stdout);
        counts[0] = check_count;
        counts[1] = check_failures;
        _exit(write(ends[1], counts, sizeof counts) != (ssize_t)sizeof counts);
    }
    close(ends[1]);
    CHECK(read(ends[0], counts, sizeof counts) == (ssize_t)sizeof counts);
    close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    check_count += counts[0];
    check_failures += counts[1];
}

static int log_removal(void *context, const char *entry, size_t name_length)
{
    char text[512];

    (void)context;
    snprintf(text, sizeof text, "removed(%.*s)", (int)name_length, entry);
    fake_log_add(text);
    return 0;
}

static int harden(const struct ph_policy *policy, struct ph_report *report)
{
    const struct ph_visitor visitor = {log_removal, NULL};

    memset(report, 0, sizeof *report);
    return ph_harden(policy, &visitor, report);
}

static const struct ph_policy standard = {.steps = PH_DEFAULT_STEPS, .bypass = PH_BYPASS_VARIABLE};

static int harden_as_standard(struct ph_report *report)
{
    return harden(&standard, report);
}

static void check_outcomes(const struct ph_report *report, const char *expected)
{
    static const char letters[] = {[PH_SKIPPED] = '-',
                                   [PH_APPLIED] = 'a',
                                   [PH_ALREADY] = '=',
                                   [PH_UNSUPPORTED] = 'u',
                                   [PH_FAILED] = 'F'};
    char actual[PH_STEPS + 1] = "";

    for (int step = 0; step < PH_STEPS; step++)
        actual[step] = letters[report->outcome[step]];
    CHECK_TEXT(actual, expected);
}

static void check_message(const struct ph_report *report, const char *expected, int status)
{
    char actual[PH_MESSAGE_SIZE], whole[PH_MESSAGE_SIZE];

    snprintf(whole, sizeof whole,
             "process-hardening: %s; exiting with status %d (CODEX_SKIP_HARDENING=1 starts without "
             "hardening, which exposes secrets)",
             expected, status);
    ph_message(report, &standard, actual, sizeof actual);
    CHECK_TEXT(actual, whole);
}

/* environ is as before, without the loader variables if it was cleaned. */
static void check_environ(int cleaned, const char *bypass)
{
    char **at = fake_environ;

    for (const char *const *variable = variables; *variable; variable++)
        if (!cleaned || !is_loader(*variable)) {
            if (!CHECK(*at))
                return;
            CHECK_TEXT(*at++, *variable);
        }
    if (bypass && CHECK(*at))
        CHECK_TEXT(*at++, bypass);
    CHECK(!*at);
}

/* Every byte that exec wrote is as before, except those of wiped variables. */
static void check_stack(const char *before, int cleaned)
{
    const struct fake_stack *stack = &fake_stack;
    char expected[4096];
    size_t size = (size_t)(stack->strings_end - stack->strings);
    char *end = expected + (stack->environment_end - stack->strings);

    memcpy(expected, before, size);
    for (char *entry = expected + (stack->environment - stack->strings); entry < end;) {
        char *next = entry + strlen(entry) + 1;

        if (cleaned && is_loader(entry))
            memset(entry, 0, strlen(entry));
        entry = next;
    }
    CHECK(!memcmp(stack->strings, expected, size));
}

static void test_scenario(const void *argument)
{
    const struct scenario *scenario = argument;
    const struct ph_policy policy = {
        .steps = scenario->steps ? scenario->steps : PH_DEFAULT_STEPS,
        .refuse_tracer = scenario->refuse_tracer,
        .bypass = PH_BYPASS_VARIABLE,
    };
    const char *entries[SIZE(variables) + 1] = {NULL};
    struct ph_report report;
    char before[4096];
    int cleaned;

    check_case = scenario->name;
    memcpy(entries, variables, sizeof variables);
    entries[SIZE(variables) - 1] = scenario->bypass;
    fake_start(&scenario->world, program, entries);
    memcpy(before, fake_stack.strings, (size_t)(fake_stack.strings_end - fake_stack.strings));

    CHECK(harden(&policy, &report) == scenario->status);
    check_outcomes(&report, scenario->outcomes);
    CHECK_TEXT(fake_log, scenario->log);
    if (scenario->status)
        check_message(&report, scenario->message, scenario->status);
    /* The limit is never raised. */
    CHECK(fake_world.core_soft <= scenario->world.core_soft);
    CHECK(fake_world.core_hard <= scenario->world.core_hard);

    cleaned = report.outcome[PH_ENVIRONMENT] == PH_APPLIED;
    if (report.outcome[PH_ENVIRONMENT] != PH_FAILED) {
        check_environ(cleaned, scenario->bypass);
        check_stack(before, cleaned);
    }
    if (!scenario->world.fault.call) {
        fake_rebuild_environ();
        check_environ(cleaned, scenario->bypass);
    }
}

static void test_again(const void *argument)
{
    const struct fake_world world = {UNLIMITED_CORE};
    struct ph_report report;

    (void)argument;
    check_case = "a second time";
    fake_start(&world, program, variables);
    CHECK(!harden_as_standard(&report));
    fake_log[0] = '\0';
    CHECK(!harden_as_standard(&report));
    check_outcomes(&report, AGAIN "--");
    CHECK_TEXT(fake_log, AGAIN_LOG);
}

static void harden_forked(const void *argument)
{
    struct ph_report report;

    (void)argument;
    CHECK(!harden_as_standard(&report));
    check_outcomes(&report, FORKED "--");
}

static void test_fork(const void *argument)
{
    const struct fake_world world = {UNLIMITED_CORE};
    struct ph_report report;

    (void)argument;
    check_case = "in a fork child";
    fake_start(&world, program, variables);
    CHECK(!harden_as_standard(&report));
    isolated(harden_forked, NULL);
}

/* Whether the kernel still shows the variable to other processes. */
static int is_shown(const char *entry)
{
    const struct fake_stack *stack = &fake_stack;

    if (SHOWS_WHOLE_AREA) {
        for (const char *at = stack->environment; at < stack->environment_end;
             at += strlen(at) + 1)
            if (!strcmp(at, entry))
                return 1;
        return 0;
    }
    for (int i = 0; i < stack->envc; i++)
        if (stack->envp[i] && !strcmp(stack->envp[i], entry))
            return 1;
    return 0;
}

/* setenv(3) and unsetenv(3) change the vector on the stack before hardening runs. */
static void test_vector_changed(const void *argument)
{
    static char set_later[] = LOADER "=/tmp/set-later.so";
    const struct fake_world world = {UNLIMITED_CORE};
    struct ph_report report;
    /* Far above the fake stack, with nothing mapped in between. */
    char *heap = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)argument;
    check_case = "setenv before";
    fake_start(&world, program, variables);
    if (!CHECK(heap != MAP_FAILED) || !CHECK(heap > fake_stack.strings_end))
        return;
    fake_environ[0] = strcpy(heap, variables[0]);
    fake_environ[1] = set_later;
    CHECK(is_shown(variables[4]));
    CHECK(!harden_as_standard(&report));
    check_outcomes(&report, INSPECTED "aa--");
    check_environ(1, NULL);
    CHECK(!is_shown(variables[1]));
    CHECK(!is_shown(variables[4]));
    CHECK(!is_shown(set_later));
    CHECK(is_shown(variables[6]));
}

static void test_first_and_last_gone(const void *argument)
{
    static const char *const edges[] = {LOADER "=first", "A=b", LOADER_TOO "=last", NULL};
    const struct fake_world world = {UNLIMITED_CORE};
    struct ph_report report;

    (void)argument;
    check_case = "unsetenv before";
    fake_start(&world, program, edges);
    fake_environ[0] = fake_environ[1];
    fake_environ[1] = NULL;
    CHECK(!harden_as_standard(&report));
    CHECK(!is_shown(edges[0]));
    CHECK(!is_shown(edges[2]));
    CHECK(is_shown(edges[1]));
    CHECK_TEXT(fake_environ[0], edges[1]);
}

static void test_edges(const void *argument)
{
    static const char *const edges[] = {LOADER "=first", "A=b", LOADER_TOO "=last", NULL};
    static const char *const empty[] = {NULL};
    const struct fake_world world = {UNLIMITED_CORE};
    struct ph_report report;

    (void)argument;
    check_case = "the first and the last variable";
    fake_start(&world, program, edges);
    CHECK(!harden_as_standard(&report));
    CHECK(!is_shown(edges[0]));
    CHECK(!is_shown(edges[2]));
    CHECK(is_shown(edges[1]));
    CHECK(fake_environ[0] && !strcmp(fake_environ[0], "A=b") && !fake_environ[1]);

    check_case = "no variables, no arguments";
    fake_start(&world, empty, empty);
    CHECK(!harden_as_standard(&report));
    CHECK(!fake_environ[0]);
}

static void test_long_name(const void *argument)
{
    const struct fake_world world = {UNLIMITED_CORE};
    char entry[400] = LOADER;
    const char *const entries[] = {entry, "A=b", NULL};
    struct ph_report report;

    (void)argument;
    check_case = "a name of 300 characters";
    memset(entry + strlen(entry), 'X', 300 - strlen(entry));
    strcat(entry, "=value");
    fake_start(&world, program, entries);
    CHECK(harden_as_standard(&report) == LONG_NAME_STATUS);
    if (LONG_NAME_STATUS)
        check_message(&report, LONG_NAME_MESSAGE, LONG_NAME_STATUS);
    else
        CHECK(!is_shown(entry));
}

static void test_status(const void *argument)
{
    const struct status_scenario *scenario = argument;
    const struct ph_status *expected = &scenario->expected;
    struct ph_status actual;
    struct ph_report report;

    check_case = scenario->name;
    fake_start(&scenario->world, program, variables);
    if (scenario->harden)
        CHECK(!harden_as_standard(&report));
    memset(&actual, 0x55, sizeof actual);
    ph_status(&actual);
    CHECK(actual.dumpable == expected->dumpable);
    CHECK(actual.inspectable == expected->inspectable);
    CHECK(actual.no_new_privs == expected->no_new_privs);
    CHECK(actual.sealed == expected->sealed);
    CHECK(actual.seccomp == expected->seccomp);
    CHECK(actual.tracer_pid == expected->tracer_pid);
    CHECK(actual.core_known == expected->core_known);
    CHECK(actual.core_soft == expected->core_soft);
    CHECK(actual.core_hard == expected->core_hard);
}

static void test_warn(const void *argument)
{
    const struct fake_world world = {0};

    (void)argument;
    check_case = "ph_warn";
    fake_start(&world, program, variables);
    ph_warn("one line");
    CHECK_TEXT(fake_log, "standard error:one line\n");
}

static void exit_otherwise(void)
{
    _exit(99);
}

static void test_exit(const void *argument)
{
    int status = 0;
    pid_t child;

    (void)argument;
    check_case = "ph_exit";
    child = fork();
    if (!child) {
        if (atexit(exit_otherwise))
            _exit(98);
        ph_exit(7);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

int main(void)
{
    for (size_t i = 0; i < SIZE(scenarios); i++)
        isolated(test_scenario, &scenarios[i]);
    for (size_t i = 0; i < SIZE(status_scenarios); i++)
        isolated(test_status, &status_scenarios[i]);
    isolated(test_again, NULL);
    isolated(test_fork, NULL);
    isolated(test_warn, NULL);
    isolated(test_exit, NULL);
    if (SETENV_CHANGES_VECTOR) {
        isolated(test_vector_changed, NULL);
        isolated(test_first_and_last_gone, NULL);
    }
    if (HAS_ENVIRONMENT) {
        isolated(test_edges, NULL);
        isolated(test_long_name, NULL);
    }
    return check_summary();
}
