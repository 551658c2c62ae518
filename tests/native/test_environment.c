/* The environment after hardening: environ, /proc/self/environ, and the arguments
 * beside it. Each scene runs this program again with its own arguments and
 * variables. */
#define _GNU_SOURCE
#include "child.h"
#include "environment.h"

extern char **environ;

#define LD_NAMES 5000 /* every seventh is a loader variable */
#define FAILED_TO_REMOVE \
    "removing variables from the environment failed: Cannot allocate memory (ENOMEM)"

static const struct ph_policy standard = {.steps = PH_BIT(PH_ENVIRONMENT),
                                          .bypass = PH_BYPASS_VARIABLE};

/* The strings of a /proc file, or of the calls of a visitor. */
struct strings {
    char text[512 * 1024];
    size_t size;
    size_t count; /* not counting empty ones */
    size_t stop_at;
};

/* Static, since they are too large for the stack. */
static struct strings shown, visited;

static void add_string(struct strings *strings, const char *text)
{
    size_t size = strlen(text) + 1;

    if (!*text || !CHECK(strings->size + size <= sizeof strings->text))
        return;
    memcpy(strings->text + strings->size, text, size);
    strings->size += size;
    strings->count++;
}

/* Reads the strings that other processes see. */
static void read_shown(const char *path)
{
    static char text[512 * 1024];
    ssize_t length = 1;
    size_t size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    while (length > 0) {
        length = read(fd, text + size, sizeof text - 1 - size);
        size += length > 0 ? (size_t)length : 0;
    }
    CHECK(!length);
    close(fd);
    text[size] = '\0';
    shown.size = shown.count = 0;
    for (const char *at = text; at < text + size; at += strlen(at) + 1)
        add_string(&shown, at);
}

/* Checks that the strings are the expected ones, in this order. */
static void check_strings(const struct strings *strings, const char *const *expected)
{
    const char *at = strings->text;

    for (; *expected; expected++) {
        if (!CHECK(at < strings->text + strings->size))
            return;
        CHECK_TEXT(at, *expected);
        at += strlen(at) + 1;
    }
    CHECK(at == strings->text + strings->size);
}

static void check_shown(const char *const *expected)
{
    read_shown("/proc/self/environ");
    check_strings(&shown, expected);
}

static void check_environ(const char *const *expected)
{
    char **at = environ;

    for (; *expected; expected++, at++) {
        if (!CHECK(at && *at))
            return;
        CHECK_TEXT(*at, *expected);
    }
    CHECK(!at || !*at);
}

static int record(void *context, const char *entry, size_t name_length)
{
    struct strings *strings = context;
    const char *equals = *entry ? strchr(entry + 1, '=') : NULL;

    add_string(strings, entry);
    CHECK(name_length == (equals ? (size_t)(equals - entry) : strlen(entry)));
    return strings->stop_at && strings->count == strings->stop_at ? ENOMEM : 0;
}

static const struct ph_visitor recorder = {record, &visited};

static int clean_with(const struct ph_policy *policy, enum ph_outcome expected)
{
    struct ph_report report;
    int status;

    memset(&report, 0x55, sizeof report);
    visited.size = visited.count = 0;
    status = ph_harden(policy, &recorder, &report);
    CHECK(report.outcome[PH_ENVIRONMENT] == expected);
    CHECK(!status == (expected != PH_FAILED));
    if (status) {
        CHECK(status == PH_EXIT_ENVIRONMENT);
        CHECK(report.failure.error == ENOMEM);
        check_message(&report, FAILED_TO_REMOVE, PH_EXIT_ENVIRONMENT);
    }
    return status;
}

static void clean(enum ph_outcome expected)
{
    (void)clean_with(&standard, expected);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
static const char *const nothing[] = {NULL};

/* --- Patterns ------------------------------------------------------------- */

static const struct {
    const char *pattern;
    const char *entry;
    int matches;
} patterns[] = {
    {"NAME", "NAME=", 1},
    {"NAME", "NAME=VALUE", 1},
    {"NAME", "NAME=A=B", 1},
    {"NAME", "NAME", 1},
    {"NAME", "NAM", 0},
    {"NAME", "NAM=E", 0},
    {"NAME", "NAMES=1", 0},
    {"NAME", "NAMES", 0},
    {"NAME", "MY_NAME=1", 0},
    {"NAME", "name=1", 0},
    {"NAME", "", 0},
    {"NAME", "=NAME", 0},
    {"LD_*", "LD_PRELOAD=/x", 1},
    {"LD_*", "LD_=", 1},
    {"LD_*", "LD_", 1},
    {"LD_*", "LD_\xff\xfe=\xff", 1},
    {"LD_*", "LD=_", 0},
    {"LD_*", "LD", 0},
    {"LD_*", "XLD_A=1", 0},
    {"LD_*", "ld_a=1", 0},
    {"LD_*", "", 0},
    {"*", "A=1", 1},
    {"*", "=A=1", 1},
    {"*", "", 1},
    {"=*", "=A=1", 1},
    {"=*", "A=1", 0},
    {"A=1", "A=1", 1},
    {"A=1", "A=12", 0},
    {"A=1", "A=", 0},
    {"A=1", "A", 0},
    {"A=1", "A=1=", 0},
    {"A=", "A=", 1},
    {"A=", "A", 0},
    {"A=", "A=1", 0},
    {"A=1*", "A=1*", 1},
    {"A=1*", "A=12", 0},
    {"A=*", "A=1", 0},
    {"A=*", "A=*", 1},
    {"A*=1", "A*=1", 1},
    {"A*=1", "AB=1", 0},
    {"=A", "=A=1", 1},
    {"=A", "=A", 1},
    {"=A", "=AB=1", 0},
    {"=A", "A=1", 0},
    {"=A=1", "=A=1", 1},
    {"=A=1", "=A=12", 0},
    {"=", "=", 1},
    {"=", "==x", 1},
    {"=", "=x", 0},
    {"A*B", "A*B=1", 1},
    {"A*B", "AXB=1", 0},
    {"A**", "A*=1", 1},
    {"A**", "A*B=1", 1},
    {"A**", "AB=1", 0},
    {"\xff", "\xff=1", 1},
    {"\xff", "\xfe=1", 0},
    {"", "", 1},
    {"", "=x", 0},
    {"", "A=1", 0},
};

/* More patterns than the core parses in advance; only the last is of use. */
static void test_long_list(void)
{
    const char *list[102];

    check_case = "a long list";
    for (size_t i = 0; i < 100; i++)
        list[i] = "OTHER";
    list[100] = "LD_*";
    list[101] = NULL;
    CHECK(ph_environment_matches("LD_X=1", list, NULL));
    CHECK(!ph_environment_matches("LX=1", list, NULL));
    CHECK(!ph_environment_matches("LD_X=1", LIST("*"), list));
    CHECK(ph_environment_matches("LX=1", LIST("*"), list));
}

static void test_patterns(void)
{
    static const char *const two[] = {"A", "LD_*", NULL};
    static const char *const keep[] = {"LD_K*", "LD_PRELOAD=/mine", NULL};
    char name[64];

    for (size_t i = 0; i < SIZE(patterns); i++) {
        snprintf(name, sizeof name, "%s on %s", patterns[i].pattern, patterns[i].entry);
        check_case = name;
        CHECK(ph_environment_matches(patterns[i].entry, LIST(patterns[i].pattern), NULL) ==
              patterns[i].matches);
        CHECK(!ph_environment_matches(patterns[i].entry, nothing, NULL));
        /* keep takes precedence over remove, with the same rules. */
        CHECK(ph_environment_matches(patterns[i].entry, LIST("*"), LIST(patterns[i].pattern)) ==
              !patterns[i].matches);
    }
    check_case = "lists";
    CHECK(ph_environment_matches("A=1", two, keep));
    CHECK(ph_environment_matches("LD_A=1", two, keep));
    CHECK(ph_environment_matches("LD_A=1", two, nothing));
    CHECK(!ph_environment_matches("LD_K=1", two, keep));
    CHECK(!ph_environment_matches("LD_PRELOAD=/mine", two, keep));
    CHECK(ph_environment_matches("LD_PRELOAD=/other", two, keep));
    CHECK(ph_environment_matches("LD_PRELOAD", two, keep));
    CHECK(ph_environment_matches("LD_PRELOAD=/x", NULL, NULL));
    CHECK(!ph_environment_matches("PATH=/bin", NULL, NULL));
}

/* --- Scenes --------------------------------------------------------------- */

static const char *const usual[] = {
    "A=1", "LD_X=1", "LD=kept", "XLD_A=kept", "LD_LIBRARY_PATH=/nonexistent", "B=", NULL};
static const char *const usual_left[] = {"A=1", "LD=kept", "XLD_A=kept", "B=", NULL};
static const char *const usual_gone[] = {"LD_X=1", "LD_LIBRARY_PATH=/nonexistent", NULL};

static void test_live(void)
{
    check_environ(usual);
    check_shown(usual);
    clean(PH_APPLIED);
    check_strings(&visited, usual_gone);
    check_environ(usual_left);
    check_shown(usual_left);
    CHECK(!getenv("LD_X"));
    CHECK(getenv("B"));
    clean(PH_ALREADY);
    CHECK(!visited.count);
    check_shown(usual_left);
}

/* With no visitor. */
static void test_no_visitor(void)
{
    struct ph_report report;

    CHECK(!ph_harden(&standard, NULL, &report));
    check_outcomes(&report, "--a--");
    check_environ(usual_left);
    check_shown(usual_left);
}

/* The visitor gets what /proc/self/environ shows, before and after hardening. */
static void test_initial(void)
{
    struct ph_failure failure;

    CHECK(!ph_environment_initial(&recorder, &failure));
    check_strings(&visited, usual);
    environ = NULL;
    visited.size = visited.count = 0;
    CHECK(!ph_environment_initial(&recorder, &failure));
    check_strings(&visited, usual);
    clean(PH_APPLIED);
    CHECK(!visited.count);
    CHECK(!ph_environment_initial(&recorder, &failure));
    check_strings(&visited, usual_left);
}

static void test_visit(void)
{
    CHECK(!ph_environment_visit(NULL, NULL, &recorder));
    check_strings(&visited, usual_gone);
    visited.size = visited.count = 0;
    CHECK(!ph_environment_visit(LIST("A", "LD*"), LIST("LD_X"), &recorder));
    check_strings(&visited, LIST("A=1", "LD=kept", "LD_LIBRARY_PATH=/nonexistent"));
    check_environ(usual);
    check_shown(usual);
}

static void test_stopped(void)
{
    struct ph_failure failure;

    visited.stop_at = 2;
    clean(PH_FAILED);
    check_strings(&visited, usual_gone);
    check_environ(usual);
    check_shown(usual);

    visited.size = visited.count = 0;
    CHECK(ph_environment_visit(NULL, NULL, &recorder) == -1);
    CHECK(visited.count == 2);
    visited.size = visited.count = 0;
    failure.call = "unchanged";
    CHECK(ph_environment_initial(&recorder, &failure) == -1);
    CHECK(!failure.call);
    CHECK(visited.count == 2);

    visited.stop_at = 0;
    clean(PH_APPLIED);
    check_environ(usual_left);
    check_shown(usual_left);
}

static void test_unset_before(void)
{
    CHECK(!unsetenv("LD_X"));
    CHECK(!unsetenv("LD_LIBRARY_PATH"));
    check_shown(usual);
    clean(PH_APPLIED);
    CHECK(!visited.count);
    check_environ(usual_left);
    check_shown(usual_left);
    clean(PH_ALREADY);
}

static void test_set_before(void)
{
    static char put[] = "LD_PUT=1";

    CHECK(!setenv("LD_X", "changed, so it is on the heap", 1));
    CHECK(!setenv("LD_NEW", "2", 1));
    CHECK(!setenv("C", "3", 1));
    CHECK(!putenv(put));
    clean(PH_APPLIED);
    check_strings(&visited, LIST("LD_X=changed, so it is on the heap",
                                 "LD_LIBRARY_PATH=/nonexistent", "LD_NEW=2", "LD_PUT=1"));
    check_environ(LIST("A=1", "LD=kept", "XLD_A=kept", "B=", "C=3"));
    check_shown(usual_left);
    /* putenv(3)'s string is not in the initial block: removed, but not wiped. */
    CHECK_TEXT(put, "LD_PUT=1");
    /* libc's own bookkeeping still works. */
    CHECK(!setenv("D", "4", 1));
    CHECK(!unsetenv("A"));
    CHECK(getenv("D"));
    CHECK(!getenv("A"));
}

/* A loader variable that is set after the first call. */
static void test_set_between(void)
{
    clean(PH_APPLIED);
    CHECK(!setenv("LD_LATER", "1", 1));
    clean(PH_APPLIED);
    check_strings(&visited, LIST("LD_LATER=1"));
    check_environ(usual_left);
    clean(PH_ALREADY);
}

static void test_keep(void)
{
    static const char *const keep[] = {"LD_X", NULL};
    struct ph_policy policy = standard;

    policy.keep = keep;
    (void)clean_with(&policy, PH_APPLIED);
    check_strings(&visited, LIST("LD_LIBRARY_PATH=/nonexistent"));
    check_environ(LIST("A=1", "LD_X=1", "LD=kept", "XLD_A=kept", "B="));
    check_shown(LIST("A=1", "LD_X=1", "LD=kept", "XLD_A=kept", "B="));
    (void)clean_with(&policy, PH_ALREADY);
    /* The kept variable is still in the block, and removed by the default policy. */
    clean(PH_APPLIED);
    check_environ(usual_left);
    check_shown(usual_left);
}

static void test_remove(void)
{
    static const char *const remove[] = {"A", "XLD_*", NULL};
    struct ph_policy policy = standard;

    /* After this, the block still has the variables of the next policy. */
    clean(PH_APPLIED);
    policy.remove = remove;
    (void)clean_with(&policy, PH_APPLIED);
    check_environ(LIST("LD=kept", "B="));
    check_shown(LIST("LD=kept", "B="));
    (void)clean_with(&policy, PH_ALREADY);
}

static void test_remove_first(void)
{
    static const char *const absent[] = {"ABSENT", NULL};
    static const char *const remove[] = {"A", NULL};
    struct ph_policy policy = standard;

    policy.remove = remove;
    (void)clean_with(&policy, PH_APPLIED);
    check_strings(&visited, LIST("A=1"));
    /* Finding none of these does not mean that there are no loader variables. */
    policy.remove = absent;
    (void)clean_with(&policy, PH_ALREADY);
    clean(PH_APPLIED);
    check_strings(&visited, usual_gone);
    check_shown(LIST("LD=kept", "XLD_A=kept", "B="));
}

/* A variable that is in the block, but no longer in environ. */
static void test_remove_stale(void)
{
    static const char *const remove[] = {"A", NULL};
    struct ph_policy policy = standard;

    clean(PH_APPLIED);
    CHECK(!unsetenv("A"));
    policy.remove = remove;
    (void)clean_with(&policy, PH_APPLIED);
    check_shown(LIST("LD=kept", "XLD_A=kept", "B="));
}

static const char *const twice[] = {"LD_X=1", "A=1",    "LD_X=2", "LD_K=1", "LD_K=2",
                                    "LD_X=1", "LD_K=1", "A=2",    NULL};

static void test_duplicates(void)
{
    static const char *const keep[] = {"LD_K=1", NULL};
    static const char *const left[] = {"A=1", "LD_K=1", "LD_K=1", "A=2", NULL};
    struct ph_policy policy = standard;

    policy.keep = keep;
    (void)clean_with(&policy, PH_APPLIED);
    check_strings(&visited, LIST("LD_X=1", "LD_X=2", "LD_K=2", "LD_X=1"));
    check_environ(left);
    check_shown(left);
    clean(PH_APPLIED);
    check_environ(LIST("A=1", "A=2"));
    check_shown(LIST("A=1", "A=2"));
}

static const char *const odd[] = {
    "=::=::\\", "=", "NOTHING", "LD_NOTHING", "\xff\xfe=\x80", "LD_\xff=\xfe\x01\n", "LD_=", "LD_",
    "=LD_X=1",  "",  "A=LD_X=1", "B=\nLD_X=1", "LD_*=1",        NULL};

static void test_odd(void)
{
    static const char *const left[] = {"=::=::\\", "=",        "NOTHING",    "\xff\xfe=\x80",
                                       "=LD_X=1",  "A=LD_X=1", "B=\nLD_X=1", NULL};

    clean(PH_APPLIED);
    check_strings(&visited, LIST("LD_NOTHING", "LD_\xff=\xfe\x01\n", "LD_=", "LD_", "LD_*=1"));
    check_shown(left);
    /* environ also has the empty entry. */
    check_environ(LIST("=::=::\\", "=", "NOTHING", "\xff\xfe=\x80", "=LD_X=1", "", "A=LD_X=1",
                       "B=\nLD_X=1"));
}

static const char *const starred[] = {"AB=1", "A*=2", "C=", "D", "D*=1", "=E=3", NULL};

/* The name of a variable is not a pattern. */
static void test_value(void)
{
    CHECK_TEXT(ph_environment_value("A*"), "2");
    CHECK_TEXT(ph_environment_value("C"), "");
    CHECK_TEXT(ph_environment_value("D"), "");
    CHECK_TEXT(ph_environment_value("=E"), "3");
    CHECK(!ph_environment_value("A"));
    CHECK(!ph_environment_value("C*"));
    CHECK(ph_environment_is_one("AB"));
    CHECK(ph_environment_is_one("D*"));
    CHECK(!ph_environment_is_one("A*"));
    CHECK(!ph_environment_is_one("D"));
}

static const char *const all[] = {"LD_A=1", "LD_B=2", NULL};

static void test_all(void)
{
    clean(PH_APPLIED);
    check_environ(nothing);
    check_shown(nothing);
    clean(PH_ALREADY);
}

static void test_null_environ(void)
{
    environ = NULL;
    clean(PH_APPLIED);
    CHECK(!environ);
    check_shown(nothing);
    clean(PH_ALREADY);
    CHECK(!ph_environment_visit(NULL, NULL, &recorder));
    CHECK(!ph_bypassed(&standard));
}

static void test_empty(void)
{
    struct ph_failure failure;

    CHECK(environ && !*environ);
    clean(PH_ALREADY);
    CHECK(environ && !*environ);
    environ = NULL;
    clean(PH_ALREADY);
    CHECK(!environ);
    CHECK(!ph_environment_initial(&recorder, &failure));
    CHECK(!visited.count);
}

static const char *const loader_arguments[] = {"LD_X=1", "LD_PRELOAD=/tmp/x.so", "LD_", NULL};
static const char *const plain[] = {"A=1", "B=2", NULL};

static void check_arguments(const char *scene)
{
    read_shown("/proc/self/cmdline");
    check_strings(&shown, LIST("test_environment", scene, "LD_X=1", "LD_PRELOAD=/tmp/x.so", "LD_"));
}

static void test_arguments(void)
{
    clean(PH_APPLIED);
    check_shown(usual_left);
    check_arguments("arguments");
    clean(PH_ALREADY);
    check_arguments("arguments");
}

static void test_arguments_alone(void)
{
    clean(PH_ALREADY);
    check_shown(plain);
    check_arguments("arguments alone");
    clean(PH_ALREADY);
    CHECK(!visited.count);
}

static char **arguments;

/* Overwrites the arguments and the environment, like setproctitle(3), after moving
 * environ to the heap. Returns the end of the environment. */
static char *write_title(size_t spared)
{
    char *last = environ[0], *end;

    for (char **at = environ; *at; at++)
        last = *at;
    end = last + strlen(last) + 1;
    environ = calloc(1, sizeof *environ);
    memset(arguments[0], 'T', (size_t)(end - arguments[0]) - spared);
    return end;
}

static void test_title(void)
{
    struct ph_failure failure;
    const char *start = arguments[0];
    char *end = write_title(0);

    CHECK(end[-1] == 'T');
    clean(PH_ALREADY);
    CHECK(!ph_environment_initial(&recorder, &failure));
    CHECK(!visited.count);
    for (; start < end; start++)
        if (!CHECK(*start == 'T'))
            break;
    clean(PH_ALREADY);
}

/* A title that ends within the last variable but one, a loader variable. */
static void test_title_within(void)
{
    char *end = write_title(sizeof "_X=1" + sizeof "LD_LAST=2");

    clean(PH_APPLIED);
    read_shown("/proc/self/environ");
    CHECK(shown.count == 1);
    CHECK(shown.size > sizeof "_X=1" && !strcmp(shown.text + shown.size - sizeof "_X=1", "_X=1"));
    for (const char *at = end - sizeof "LD_LAST=2"; at < end; at++)
        CHECK(!*at);
    clean(PH_ALREADY);
}

static const char *many[LD_NAMES + 1];

static void test_many(void)
{
    static const char *left[LD_NAMES + 1];
    size_t count = 0;

    for (char **at = environ; *at; at++)
        if (strncmp(*at, "LD_", 3))
            left[count++] = strdup(*at);
    CHECK(count == LD_NAMES - (LD_NAMES + 6) / 7);
    clean(PH_APPLIED);
    CHECK(visited.count == (LD_NAMES + 6) / 7);
    check_environ(left);
    check_shown(left);
    clean(PH_ALREADY);
}

/* A value, and then a wiped range, longer than a stride of the search. */
static void test_long(void)
{
    clean(PH_APPLIED);
    CHECK(visited.count == 1);
    CHECK(environ[0] && !environ[1]);
    check_shown(LIST("Z=1"));
    CHECK(!unsetenv("Z"));
    clean(PH_ALREADY);
}

/* A fork child inherits the wiped block. */
static void test_fork(void)
{
    int status = -1;
    pid_t child;

    clean(PH_APPLIED);
    child = fork();
    if (!child) {
        check_failures = 0;
        clean(PH_ALREADY);
        check_shown(usual_left);
        fflush(stdout);
        _exit(check_failures != 0);
    }
    CHECK(waitpid(child, &status, 0) == child && !status);
}

/* With all default steps. */
static void test_whole_policy(void)
{
    const struct ph_policy policy = {.steps = PH_DEFAULT_STEPS};
    struct ph_report report;

    CHECK(!ph_harden(&policy, &recorder, &report));
    CHECK(report.outcome[PH_ENVIRONMENT] == PH_APPLIED);
    CHECK(!prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    CHECK(!prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
    check_shown(usual_left);
}

static char long_variable[100001];
static const char *const long_one[] = {long_variable, "Z=1", NULL};
static const char *const before_last[] = {"A=1", "LD_X=1", "LD_LAST=2", NULL};

static const struct scene {
    const char *name;
    void (*test)(void);
    const char *const *variables;
    const char *const *arguments;
} scenes[] = {
    {"live", test_live, usual, nothing},
    {"no visitor", test_no_visitor, usual, nothing},
    {"initial", test_initial, usual, nothing},
    {"visit", test_visit, usual, nothing},
    {"stopped", test_stopped, usual, nothing},
    {"unset before", test_unset_before, usual, nothing},
    {"set before", test_set_before, usual, nothing},
    {"set between", test_set_between, usual, nothing},
    {"keep", test_keep, usual, nothing},
    {"remove", test_remove, usual, nothing},
    {"remove first", test_remove_first, usual, nothing},
    {"remove stale", test_remove_stale, usual, nothing},
    {"duplicates", test_duplicates, twice, nothing},
    {"odd", test_odd, odd, nothing},
    {"value", test_value, starred, nothing},
    {"all", test_all, all, nothing},
    {"null environ", test_null_environ, all, nothing},
    {"empty", test_empty, nothing, nothing},
    {"arguments", test_arguments, usual, loader_arguments},
    {"arguments alone", test_arguments_alone, plain, loader_arguments},
    {"title", test_title, usual, nothing},
    {"title within", test_title_within, before_last, nothing},
    {"many", test_many, many, nothing},
    {"long", test_long, long_one, nothing},
    {"fork", test_fork, usual, nothing},
    {"whole policy", test_whole_policy, usual, nothing},
};

static void become_scene(const void *argument)
{
    const struct scene *scene = argument;
    const char *argv[8] = {"test_environment", scene->name};

    check_case = scene->name;
    for (size_t i = 0; scene->arguments[i]; i++)
        argv[i + 2] = scene->arguments[i];
    execve("/proc/self/exe", (char *const *)(uintptr_t)argv,
           (char *const *)(uintptr_t)scene->variables);
    CHECK(!errno);
}

static void make_large_environments(void)
{
    static char texts[LD_NAMES][24];

    for (size_t i = 0; i < LD_NAMES; i++) {
        snprintf(texts[i], sizeof texts[i], "%s%zu=value", i % 7 ? "VARIABLE_" : "LD_", i);
        many[i] = texts[i];
    }
    memset(long_variable, 'x', sizeof long_variable - 1);
    memcpy(long_variable, "LD_LONG=", sizeof "LD_LONG=" - 1);
}

int main(int argc, char **argv)
{
    arguments = argv;
    for (size_t i = 0; argc > 1 && i < SIZE(scenes); i++)
        if (!strcmp(scenes[i].name, argv[1])) {
            check_case = scenes[i].name;
            scenes[i].test();
            end_test();
        }
    make_large_environments();
    test_patterns();
    test_long_list();
    for (size_t i = 0; i < SIZE(scenes); i++)
        isolated(become_scene, &scenes[i]);
    return check_summary();
}
