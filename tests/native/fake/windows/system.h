#include "../scenario.h"

#define LOADER "LD_PRELOAD"
#define LOADER_TOO "DYLD_INSERT_LIBRARIES"
#define NO_LOADER "PATH"
#define SHOWS_WHOLE_AREA 0
#define HAS_ENVIRONMENT 0
#define SETENV_CHANGES_VECTOR 0

#define INSPECTED "u"
#define AGAIN "uuu"
#define AGAIN_LOG ""
#define FORKED "uuu"
#define LONG_NAME_STATUS 0
#define LONG_NAME_MESSAGE ""

static const struct scenario scenarios[] = {
    {
        .name = "nothing is done and nothing is claimed",
        .outcomes = "uuu--",
        .log = "",
    },
    {
        .name = "a tracer cannot be detected",
        .world = {.tracer = 815},
        .refuse_tracer = 1,
        .outcomes = "uuu--",
        .log = "",
    },
    {
        .name = "no_new_privs does not exist",
        .steps = PH_BIT(PH_NO_NEW_PRIVS),
        .outcomes = "---u-",
        .log = "",
    },
    {
        .name = "the seal does not exist",
        .steps = PH_BIT(PH_SEAL),
        .outcomes = "----u",
        .log = "",
    },
};

static const struct status_scenario status_scenarios[] = {
    {"at start", {.tracer = 5}, 0, {-1, -1, -1, -1, -1, -1, 0, 0, 0}},
    {"hardened", {.tracer = 5}, 1, {-1, -1, -1, -1, -1, -1, 0, 0, 0}},
};
