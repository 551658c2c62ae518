#include "../scenario.h"

#define LOADER "LD_PRELOAD"
#define LOADER_TOO "LD_32_LIBRARY_PATH"
#define NO_LOADER "DYLD_INSERT_LIBRARIES"
#define SHOWS_WHOLE_AREA 0
#define HAS_ENVIRONMENT 1
#define SETENV_CHANGES_VECTOR 0

#define ASK_TRACER "procctl(PROC_TRACE_STATUS)"
#define INSPECTED "a"
#define INSPECT ASK_TRACER " procctl(PROC_TRACE_CTL, 3) " ASK_TRACER " "
#define REMOVE(name) "removed(" name ") unsetenv(" name ")"
#define FIND "sysctlbyname(kern.ps_strings)"
#define CLEAN REMOVE(LOADER) " " REMOVE(LOADER_TOO) " " FIND
#define AGAIN "==="
#define AGAIN_LOG INSPECT "getrlimit(CORE)"
#define FORKED "==="
#define LONG_NAME_STATUS 8
#define LONG_NAME_MESSAGE \
    "removing variables from the environment failed: File name too long (ENAMETOOLONG)"

#define DISABLE "procctl(P_PID, getpid(), PROC_TRACE_CTL, PROC_TRACE_CTL_DISABLE_EXEC)"
#define PRIVILEGES "procctl(P_PID, getpid(), PROC_NO_NEW_PRIVS_CTL, PROC_NO_NEW_PRIVS_ENABLE)"
#define PRIVILEGES_STATUS "procctl(PROC_NO_NEW_PRIVS_STATUS)"

static const struct scenario scenarios[] = {
#include "../posix_scenarios.h"
    {
        .name = "procctl is refused",
        .world = {UNLIMITED_CORE, .fault = {"procctl(PROC_TRACE_CTL, 3)", 0, EPERM}},
        .status = 5,
        .outcomes = "F----",
        .message = DISABLE " failed: Operation not permitted (EPERM)",
        .log = ASK_TRACER " procctl(PROC_TRACE_CTL, 3)",
    },
    {
        .name = "procctl lies",
        .world = {UNLIMITED_CORE, .fault = {"procctl(PROC_TRACE_CTL, 3)", 0, 0}},
        .status = 5,
        .outcomes = "F----",
        .message = DISABLE " reported success but is not in force (read back: 0)",
        .log = ASK_TRACER " procctl(PROC_TRACE_CTL, 3) " ASK_TRACER,
    },
    {
        .name = "a tracer",
        .world = {UNLIMITED_CORE, .tracer = 815},
        .status = 6,
        .outcomes = "F----",
        .message = DISABLE " refused: a tracer is attached (process 815)",
        .log = ASK_TRACER " procctl(PROC_TRACE_CTL, 3) " ASK_TRACER,
    },
    {
        .name = "a tracer that came after the first look",
        .world = {UNLIMITED_CORE, .tracer = 815, .fault = {ASK_TRACER, 1, 0}},
        .status = 6,
        .outcomes = "F----",
        .message = DISABLE " refused: a tracer is attached (process 815)",
        .log = ASK_TRACER " procctl(PROC_TRACE_CTL, 3) " ASK_TRACER,
    },
    {
        .name = "ktrace, which is no tracer",
        .world = {UNLIMITED_CORE, .ktraced = 1},
        .status = 5,
        .outcomes = "F----",
        .message = DISABLE " failed: Device or resource busy (EBUSY)",
        .log = ASK_TRACER " procctl(PROC_TRACE_CTL, 3) " ASK_TRACER,
    },
    {
        .name = "ktrace, and the second look for a tracer fails",
        .world = {UNLIMITED_CORE, .ktraced = 1, .fault = {ASK_TRACER, 2, EPERM}},
        .status = 5,
        .outcomes = "F----",
        .message = DISABLE " failed: Device or resource busy (EBUSY)",
        .log = ASK_TRACER " procctl(PROC_TRACE_CTL, 3) " ASK_TRACER,
    },
    {
        .name = "the state cannot be read",
        .world = {UNLIMITED_CORE, .fault = {ASK_TRACER, 0, 0}},
        .status = 5,
        .outcomes = "F----",
        .message = DISABLE " reported success but is not in force (read back: 0)",
        .log = ASK_TRACER " procctl(PROC_TRACE_CTL, 3) " ASK_TRACER,
    },
    {
        .name = "a parent has hardened: set again, to outlast exec",
        .world = {.trace_disabled = 1},
        .outcomes = "==a--",
        .log = INSPECT "getrlimit(CORE) " CLEAN,
    },
    {
        .name = "the state cannot be read before",
        .world = {UNLIMITED_CORE, .fault = {ASK_TRACER, 1, EINVAL}},
        .status = 5,
        .outcomes = "F----",
        .message = "procctl(P_PID, getpid(), PROC_TRACE_STATUS) failed: Invalid argument (EINVAL)",
        .log = ASK_TRACER,
    },
    {
        .name = "the state cannot be read back",
        .world = {UNLIMITED_CORE, .fault = {ASK_TRACER, 2, EINVAL}},
        .status = 5,
        .outcomes = "F----",
        .message = "procctl(P_PID, getpid(), PROC_TRACE_STATUS) failed: Invalid argument (EINVAL)",
        .log = ASK_TRACER " procctl(PROC_TRACE_CTL, 3) " ASK_TRACER,
    },
    {
        .name = "the look for a tracer fails",
        .world = {UNLIMITED_CORE, .fault = {ASK_TRACER, 0, ESRCH}},
        .steps = PH_BIT(PH_CORE_LIMIT),
        .refuse_tracer = 1,
        .status = 5,
        .outcomes = "F----",
        .message = "procctl(P_PID, getpid(), PROC_TRACE_STATUS) failed: No such process (ESRCH)",
        .log = ASK_TRACER,
    },
    {
        .name = "the initial environment cannot be found",
        .world = {.fault = {FIND, 0, ENOENT}},
        .status = 8,
        .outcomes = "a=F--",
        .message = "sysctlbyname(\"kern.ps_strings\") failed: No such file or directory (ENOENT)",
        .log = INSPECT "getrlimit(CORE) " CLEAN,
    },
    {
        .name = "sysctlbyname lies",
        .world = {.fault = {FIND, 0, 0}},
        .status = 8,
        .outcomes = "a=F--",
        .message = "sysctlbyname(\"kern.ps_strings\") failed: No such file or directory (ENOENT)",
        .log = INSPECT "getrlimit(CORE) " CLEAN,
    },
    {
        .name = "unsetenv is refused",
        .world = {.fault = {"unsetenv(" LOADER ")", 0, EINVAL}},
        .status = 8,
        .outcomes = "a=F--",
        .message = "removing variables from the environment failed: Invalid argument (EINVAL)",
        .log = INSPECT "getrlimit(CORE) " REMOVE(LOADER),
    },
    {
        .name = "unsetenv lies",
        .world = {.fault = {"unsetenv(" LOADER ")", 0, 0}},
        .outcomes = "a=a--",
        /* The second call succeeds and moves environ, so the first variable is visited again. */
        .log = INSPECT "getrlimit(CORE) " REMOVE(LOADER) " " REMOVE(LOADER_TOO) " " REMOVE(
            LOADER) " " FIND,
    },
    {
        .name = "no_new_privs",
        .world = {UNLIMITED_CORE},
        .steps = PH_BIT(PH_NO_NEW_PRIVS),
        .outcomes = "---a-",
        .log = PRIVILEGES_STATUS " procctl(PROC_NO_NEW_PRIVS_CTL, 1) " PRIVILEGES_STATUS,
    },
    {
        .name = "the seal does not exist",
        .world = {UNLIMITED_CORE},
        .steps = PH_BIT(PH_SEAL),
        .outcomes = "----u",
        .log = "",
    },
    {
        .name = "no_new_privs from a parent",
        .world = {.no_new_privs = 1},
        .steps = PH_BIT(PH_NO_NEW_PRIVS),
        .outcomes = "---=-",
        .log = PRIVILEGES_STATUS,
    },
    {
        .name = "no_new_privs cannot be read before",
        .world = {.fault = {PRIVILEGES_STATUS, 1, EINVAL}},
        .steps = PH_BIT(PH_NO_NEW_PRIVS),
        .outcomes = "---a-",
        .log = PRIVILEGES_STATUS " procctl(PROC_NO_NEW_PRIVS_CTL, 1) " PRIVILEGES_STATUS,
    },
    {
        .name = "no_new_privs is refused",
        .world = {.fault = {"procctl(PROC_NO_NEW_PRIVS_CTL, 1)", 0, EINVAL}},
        .steps = PH_BIT(PH_NO_NEW_PRIVS),
        .status = 5,
        .outcomes = "---F-",
        .message = PRIVILEGES " failed: Invalid argument (EINVAL)",
        .log = PRIVILEGES_STATUS " procctl(PROC_NO_NEW_PRIVS_CTL, 1)",
    },
    {
        .name = "no_new_privs lies",
        .world = {.fault = {"procctl(PROC_NO_NEW_PRIVS_CTL, 1)", 0, 0}},
        .steps = PH_BIT(PH_NO_NEW_PRIVS),
        .status = 5,
        .outcomes = "---F-",
        .message = PRIVILEGES " reported success but is not in force (read back: 2)",
        .log = PRIVILEGES_STATUS " procctl(PROC_NO_NEW_PRIVS_CTL, 1) " PRIVILEGES_STATUS,
    },
    {
        .name = "no_new_privs cannot be read back",
        .world = {.fault = {PRIVILEGES_STATUS, 2, EINVAL}},
        .steps = PH_BIT(PH_NO_NEW_PRIVS),
        .status = 5,
        .outcomes = "---F-",
        .message = "procctl(P_PID, getpid(), PROC_NO_NEW_PRIVS_STATUS) failed: "
                   "Invalid argument (EINVAL)",
        .log = PRIVILEGES_STATUS " procctl(PROC_NO_NEW_PRIVS_CTL, 1) " PRIVILEGES_STATUS,
    },
};

static const struct status_scenario status_scenarios[] = {
    {"at start", {UNLIMITED_CORE}, 0, {-1, 1, 0, -1, -1, 0, 1, UINT64_MAX, UINT64_MAX}},
    {"hardened", {UNLIMITED_CORE}, 1, {-1, 0, 0, -1, -1, 0, 1, 0, 0}},
    {"hardened by a parent", {.trace_disabled = 1, .no_new_privs = 1}, 0, {-1, 0, 1, -1, -1, 0, 1, 0, 0}},
    {"traced", {.core_hard = 9, .tracer = 5}, 0, {-1, 1, 0, -1, -1, 5, 1, 0, 9}},
    {"no procctl", {.fault = {ASK_TRACER, 0, EPERM}}, 0, {-1, -1, 0, -1, -1, -1, 1, 0, 0}},
    {"an old kernel", {.fault = {PRIVILEGES_STATUS, 0, EINVAL}}, 0, {-1, 1, -1, -1, -1, 0, 1, 0, 0}},
    {"no getrlimit", {.fault = {"getrlimit(CORE)", 0, EPERM}}, 0, {-1, 1, 0, -1, -1, 0, 0, 0, 0}},
};
