#include "../scenario.h"

#define LOADER "DYLD_INSERT_LIBRARIES"
#define LOADER_TOO "DYLD_LIBRARY_PATH"
#define NO_LOADER "LD_PRELOAD"
#define SHOWS_WHOLE_AREA 1
#define HAS_ENVIRONMENT 1
#define SETENV_CHANGES_VECTOR 1

#define ASK_TRACER "sysctl(KERN_PROC_PID)"
#define INSPECTED "a"
#define INSPECT ASK_TRACER " ptrace(31, 0, 0, 0) "
#define CLEAN "removed(" LOADER ") removed(" LOADER_TOO ")"
#define AGAIN "==="
#define AGAIN_LOG INSPECT "getrlimit(CORE)"
#define FORKED "a=="
#define LONG_NAME_STATUS 0
#define LONG_NAME_MESSAGE ""

static const struct scenario scenarios[] = {
#include "../posix_scenarios.h"
    {
        .name = "PT_DENY_ATTACH is refused",
        .world = {UNLIMITED_CORE, .fault = {"ptrace(31, 0, 0, 0)", 0, EPERM}},
        .status = 6,
        .outcomes = "F----",
        .message = "ptrace(PT_DENY_ATTACH, 0, 0, 0) failed: Operation not permitted (EPERM)",
        .log = "sysctl(KERN_PROC_PID) ptrace(31, 0, 0, 0)",
    },
    {
        .name = "a tracer is found before PT_DENY_ATTACH would end the process",
        .world = {UNLIMITED_CORE, .tracer = 815},
        .status = 6,
        .outcomes = "F----",
        .message = "ptrace(PT_DENY_ATTACH, 0, 0, 0) refused: a tracer is attached (process 815)",
        .log = "sysctl(KERN_PROC_PID)",
    },
    {
        .name = "a tracer without a pid",
        .world = {UNLIMITED_CORE, .tracer = -1},
        .status = 6,
        .outcomes = "F----",
        .message = "ptrace(PT_DENY_ATTACH, 0, 0, 0) refused: a tracer is attached",
        .log = "sysctl(KERN_PROC_PID)",
    },
    {
        .name = "the look for a tracer fails",
        .world = {UNLIMITED_CORE, .fault = {"sysctl(KERN_PROC_PID)", 0, EPERM}},
        .status = 6,
        .outcomes = "F----",
        .message = "sysctl(KERN_PROC_PID) failed: Operation not permitted (EPERM)",
        .log = "sysctl(KERN_PROC_PID)",
    },
    {
        .name = "the call that reads the tracer fails",
        .world = {UNLIMITED_CORE, .fault = {"sysctl(KERN_PROC_PID)", 0, 0}},
        .status = 6,
        .outcomes = "F----",
        .message = "sysctl(KERN_PROC_PID) failed: No such process (ESRCH)",
        .log = "sysctl(KERN_PROC_PID)",
    },
    {
        .name = "a tracer, where the policy refuses one too",
        .world = {UNLIMITED_CORE, .tracer = 815},
        .refuse_tracer = 1,
        .status = 6,
        .outcomes = "F----",
        .message = "ptrace(PT_DENY_ATTACH, 0, 0, 0) refused: a tracer is attached (process 815)",
        .log = ASK_TRACER,
    },
    {
        .name = "the second look for a tracer fails",
        .world = {UNLIMITED_CORE, .fault = {ASK_TRACER, 2, EPERM}},
        .refuse_tracer = 1,
        .status = 6,
        .outcomes = "F----",
        .message = ASK_TRACER " failed: Operation not permitted (EPERM)",
        .log = INSPECT ASK_TRACER,
    },
    {
        .name = "the initial environment cannot be found",
        .world = {.fault = {"dyld", 0, ENOENT}},
        .status = 8,
        .outcomes = "a=F--",
        .message = "finding the initial environment failed: Function not implemented (ENOSYS)",
        .log = INSPECT "getrlimit(CORE) " CLEAN,
    },
    {
        .name = "no_new_privs does not exist",
        .world = {UNLIMITED_CORE},
        .steps = PH_BIT(PH_NO_NEW_PRIVS),
        .outcomes = "---u-",
        .log = "",
    },
    {
        .name = "the seal does not exist",
        .world = {UNLIMITED_CORE},
        .steps = PH_BIT(PH_SEAL),
        .outcomes = "----u",
        .log = "",
    },
};

static const struct status_scenario status_scenarios[] = {
    {"at start", {UNLIMITED_CORE}, 0, {-1, -1, -1, -1, -1, 0, 1, UINT64_MAX, UINT64_MAX}},
    {"hardened", {UNLIMITED_CORE}, 1, {-1, -1, -1, -1, -1, 0, 1, 0, 0}},
    {"traced", {.core_hard = 9, .tracer = 5}, 0, {-1, -1, -1, -1, -1, 5, 1, 0, 9}},
    {"by an unknown process", {.tracer = -1}, 0, {-1, -1, -1, -1, -1, PH_TRACER_UNNAMED, 1, 0, 0}},
    {"no sysctl", {.fault = {"sysctl(KERN_PROC_PID)", 0, EPERM}}, 0, {-1, -1, -1, -1, -1, -1, 1, 0, 0}},
    {"no getrlimit", {.fault = {"getrlimit(CORE)", 0, EPERM}}, 0, {-1, -1, -1, -1, -1, 0, 0, 0, 0}},
};
