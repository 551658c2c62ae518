/* The texts: each reason, each known errno, and every size of buffer. */
#define _GNU_SOURCE
#include "check.h"
#include "hardening.h"

#include <errno.h>
#include <limits.h>

#define SIZE(array) (sizeof(array) / sizeof *(array))
#define GUARD 0x55
#define BYPASS_TEXT " (CODEX_SKIP_HARDENING=1 starts without hardening, which exposes secrets)"

static const struct {
    struct ph_failure failure;
    const char *text;
} descriptions[] = {
    {{PH_INSPECTION, PH_CALL_FAILED, PH_EXIT_INSPECTION, EPERM, 0, "prctl(PR_SET_DUMPABLE, 0)"},
     "prctl(PR_SET_DUMPABLE, 0) failed: Operation not permitted (EPERM)"},
    {{PH_CORE_LIMIT, PH_CALL_FAILED, PH_EXIT_CORE_LIMIT, EINVAL, 7, "setrlimit"},
     "setrlimit failed: Invalid argument (EINVAL)"},
    {{PH_ENVIRONMENT, PH_CALL_FAILED, PH_EXIT_ENVIRONMENT, 4095, 0, "call"},
     "call failed: error 4095"},
    {{PH_ENVIRONMENT, PH_CALL_FAILED, PH_EXIT_ENVIRONMENT, 0, 0, "call"}, "call failed: error 0"},
    {{PH_ENVIRONMENT, PH_CALL_FAILED, PH_EXIT_ENVIRONMENT, -38, 0, "call"},
     "call failed: error -38"},
    {{PH_ENVIRONMENT, PH_CALL_FAILED, PH_EXIT_ENVIRONMENT, INT_MIN, 0, "call"},
     "call failed: error -2147483648"},
    {{PH_INSPECTION, PH_CALL_FAILED, PH_EXIT_INSPECTION, EPERM, 0, ""},
     " failed: Operation not permitted (EPERM)"},
    {{PH_INSPECTION, PH_NOT_IN_FORCE, PH_EXIT_INSPECTION, 0, 1, "prctl"},
     "prctl reported success but is not in force (read back: 1)"},
    {{PH_INSPECTION, PH_NOT_IN_FORCE, PH_EXIT_INSPECTION, EPERM, 0, "prctl"},
     "prctl reported success but is not in force (read back: 0)"},
    {{PH_INSPECTION, PH_NOT_IN_FORCE, PH_EXIT_INSPECTION, 0, -1, "prctl"},
     "prctl reported success but is not in force (read back: -1)"},
#if LONG_MAX > 0x7fffffff
    {{PH_CORE_LIMIT, PH_NOT_IN_FORCE, PH_EXIT_CORE_LIMIT, 0, LONG_MAX, "x"},
     "x reported success but is not in force (read back: 9223372036854775807)"},
    {{PH_CORE_LIMIT, PH_NOT_IN_FORCE, PH_EXIT_CORE_LIMIT, 0, LONG_MIN, "x"},
     "x reported success but is not in force (read back: -9223372036854775808)"},
#endif
    {{PH_INSPECTION, PH_TRACED, PH_EXIT_PTRACE, 0, 1234567, "hardening"},
     "hardening refused: a tracer is attached (process 1234567)"},
    {{PH_INSPECTION, PH_TRACED, PH_EXIT_PTRACE, 0, 0, "ptrace(PT_DENY_ATTACH, 0, 0, 0)"},
     "ptrace(PT_DENY_ATTACH, 0, 0, 0) refused: a tracer is attached"},
};

static const struct {
    const char *description;
    int status;
    const char *bypass;
    const char *text;
} last_words[] = {
    {"it failed", 5, NULL, "process-hardening: it failed; exiting with status 5"},
    {"it failed", 8, PH_BYPASS_VARIABLE,
     "process-hardening: it failed; exiting with status 8" BYPASS_TEXT},
    {"", 126, "", "process-hardening: ; exiting with status 126"
                  " (=1 starts without hardening, which exposes secrets)"},
    {"x", -1, NULL, "process-hardening: x; exiting with status -1"},
};

static const struct ph_report failed = {
    .failure = {PH_CORE_LIMIT, PH_CALL_FAILED, PH_EXIT_CORE_LIMIT, EPERM, 0, "setrlimit"}};
static const struct ph_report refused = {
    .failure = {PH_ENVIRONMENT, PH_BYPASS_REFUSED, PH_EXIT_ENVIRONMENT, 0, 0, "MYAPP_DEV"}};
static const struct ph_report bypassed = {
    .bypassed = 1,
    .failure = {PH_CORE_LIMIT, PH_CALL_FAILED, PH_EXIT_CORE_LIMIT, EPERM, 0, "setrlimit"}};
static const struct ph_policy with_bypass = {.bypass = PH_BYPASS_VARIABLE};
static const struct ph_policy without_bypass = {.bypass = NULL};
static const struct ph_policy refusing = {.bypass = "MYAPP_DEV", .refuse_bypass = 1};

static const struct {
    const struct ph_report *report;
    const struct ph_policy *policy;
    const char *text;
} messages[] = {
    {&failed, &with_bypass,
     "process-hardening: setrlimit failed: Operation not permitted (EPERM); exiting with status "
     "7" BYPASS_TEXT},
    {&failed, &without_bypass,
     "process-hardening: setrlimit failed: Operation not permitted (EPERM); exiting with status 7"},
    {&refused, &refusing,
     "process-hardening: MYAPP_DEV=1 would skip hardening, which is refused here: unset it "
     "(docs/develop.md); exiting with status 8"},
    {&failed, &refusing,
     "process-hardening: setrlimit failed: Operation not permitted (EPERM); exiting with status 7"},
    {&bypassed, &with_bypass,
     "process-hardening: CODEX_SKIP_HARDENING=1: starting without hardening, which exposes "
     "secrets"},
};

/* One row of one of the three tables. */
static void write_description(size_t row, char *buffer, size_t size)
{
    ph_describe(&descriptions[row].failure, buffer, size);
}

static void write_last_words(size_t row, char *buffer, size_t size)
{
    ph_last_words(last_words[row].description, last_words[row].status, last_words[row].bypass,
                  buffer, size);
}

static void write_message(size_t row, char *buffer, size_t size)
{
    ph_message(messages[row].report, messages[row].policy, buffer, size);
}

/* Whole, and cut at every size; what lies beyond the size stays as it is. */
static void check_sizes(void (*write)(size_t, char *, size_t), size_t row, const char *text)
{
    char buffer[PH_MESSAGE_SIZE + 16];
    size_t whole = strlen(text);

    check_case = text;
    for (size_t size = 1; size <= whole + 3; size++) {
        size_t cut = size <= whole ? size - 1 : whole;
        size_t untouched = 0;

        memset(buffer, GUARD, sizeof buffer);
        write(row, buffer, size);
        CHECK(!memcmp(buffer, text, cut));
        CHECK(!buffer[cut]);
        for (size_t i = size; i < sizeof buffer; i++)
            untouched += buffer[i] == GUARD;
        CHECK(untouched == sizeof buffer - size);
    }
    write(row, buffer, sizeof buffer);
    CHECK_TEXT(buffer, text);
}

/* A call so long that ph_message() has to cut its description. */
static void test_long_call(void)
{
    char call[2 * PH_MESSAGE_SIZE], expected[4 * PH_MESSAGE_SIZE], actual[4 * PH_MESSAGE_SIZE];
    struct ph_report report = failed;

    check_case = "a long call";
    memset(call, 'x', sizeof call);
    call[sizeof call - 1] = '\0';
    report.failure.call = call;
    snprintf(expected, sizeof expected, "process-hardening: %.*s; exiting with status 7",
             PH_MESSAGE_SIZE - 1, call);
    ph_message(&report, &without_bypass, actual, sizeof actual);
    CHECK_TEXT(actual, expected);
}

/* libc's own names and texts are the reference; musl has its own wording and no names. */
static void test_errno_names(void)
{
#ifdef __GLIBC__
    int known = 0;

    check_case = "errno names";
    for (int error = 1; error < 134; error++) {
        const struct ph_failure failure = {PH_INSPECTION, PH_CALL_FAILED, PH_EXIT_INSPECTION,
                                           error,         0,              ""};
        char actual[PH_MESSAGE_SIZE], expected[PH_MESSAGE_SIZE];

        ph_describe(&failure, actual, sizeof actual);
        snprintf(expected, sizeof expected, " failed: error %d", error);
        if (!strcmp(actual, expected))
            continue;
        known++;
        snprintf(expected, sizeof expected, " failed: %s (%s)", strerror(error),
                 strerrorname_np(error));
        CHECK_TEXT(actual, expected);
    }
    CHECK(known >= 20);
#endif
}

int main(void)
{
    for (size_t i = 0; i < SIZE(descriptions); i++)
        check_sizes(write_description, i, descriptions[i].text);
    for (size_t i = 0; i < SIZE(last_words); i++)
        check_sizes(write_last_words, i, last_words[i].text);
    for (size_t i = 0; i < SIZE(messages); i++)
        check_sizes(write_message, i, messages[i].text);
    test_long_call();
    test_errno_names();
    return check_summary();
}
