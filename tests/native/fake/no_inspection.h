/* The tables of systems where a process cannot prevent inspection. */
#include "scenario.h"

#define LOADER "LD_PRELOAD"
#define LOADER_TOO "LD_LIBRARY_PATH"
#define NO_LOADER "DYLD_INSERT_LIBRARIES"
#define SHOWS_WHOLE_AREA 0
#define HAS_ENVIRONMENT 1
#define SETENV_CHANGES_VECTOR 1
#define INSPECTED "u"
#define INSPECT ""
#define AGAIN "u=="
#define AGAIN_LOG "getrlimit(CORE)"
#define FORKED "u=="
#define LONG_NAME_STATUS 0
#define LONG_NAME_MESSAGE ""

static const struct scenario scenarios[] = {
#include "posix_scenarios.h"
    {
        .name = "a tracer where none is refused",
        .world = {UNLIMITED_CORE, .tracer = 815},
        .outcomes = "uaa--",
        .log = SET_CORE " " CLEAN,
    },
    {
        .name = "a tracer without a pid",
        .world = {UNLIMITED_CORE, .tracer = -1},
        .refuse_tracer = 1,
        .status = 6,
        .outcomes = "F----",
        .message = "hardening refused: a tracer is attached",
        .log = ASK_TRACER,
    },
    {
        .name = "the look for a tracer fails",
        .world = {UNLIMITED_CORE, .fault = {ASK_TRACER, 0, EPERM}},
        .refuse_tracer = 1,
        .status = 6,
        .outcomes = "F----",
        .message = ASK_TRACER " failed: Operation not permitted (EPERM)",
        .log = ASK_TRACER,
    },
    {
        .name = "the call that reads the tracer fails",
        .world = {UNLIMITED_CORE, .fault = {ASK_TRACER, 0, 0}},
        .refuse_tracer = 1,
        .status = 6,
        .outcomes = "F----",
        .message = ASK_TRACER " failed: No such process (ESRCH)",
        .log = ASK_TRACER,
    },
#include "not_found.h"
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
    {"no sysctl", {.fault = {ASK_TRACER, 0, EPERM}}, 0, {-1, -1, -1, -1, -1, -1, 1, 0, 0}},
    {"no getrlimit", {.fault = {"getrlimit(CORE)", 0, EPERM}}, 0, {-1, -1, -1, -1, -1, 0, 0, 0, 0}},
};
