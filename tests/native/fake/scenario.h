/* The structures of the tables in SYSTEM/system.h, which also defines:
 *   LOADER, LOADER_TOO      loader variables; NO_LOADER is none
 *   SHOWS_WHOLE_AREA        the kernel shows all strings, not only those of the vector
 *   HAS_ENVIRONMENT         the environment is cleaned
 *   SETENV_CHANGES_VECTOR   setenv(3) modifies the vector that exec made
 *   INSPECTED, INSPECT      the first step: its letter, its calls in the log
 *   ASK_TRACER, CLEAN       the calls of the tracer check and of the environment step
 *   AGAIN, AGAIN_LOG        the first three letters and the log of a second call
 *   FORKED                  the same letters in a fork child
 *   LONG_NAME_STATUS, LONG_NAME_MESSAGE   the result for a name of 300 characters */
#ifndef PH_SCENARIO_H
#define PH_SCENARIO_H

#include "fake.h"
#include "hardening.h"

#include <errno.h>

#define UNLIMITED (~0ul)
#define UNLIMITED_CORE .core_soft = UNLIMITED, .core_hard = UNLIMITED

#define SET_CORE "getrlimit(CORE) setrlimit(CORE, 0, 0) getrlimit(CORE)"

struct scenario {
    const char *name;
    struct fake_world world;
    unsigned steps; /* 0: PH_DEFAULT_STEPS */
    int refuse_tracer;
    const char *bypass; /* an entry added to the environment */
    int status;
    /* One letter for each step: - skipped, a applied, = already, u unsupported, F failed. */
    const char *outcomes;
    const char *message; /* of a failure, between the program's name and the status */
    const char *log;
};

struct status_scenario {
    const char *name;
    struct fake_world world;
    int harden; /* before the status is read */
    struct ph_status expected;
};

#endif
