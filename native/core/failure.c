/* The names of the steps, and how a step reports its failure. */
#include "hardening.h"
#include "platform.h"

const char *const ph_step_names[PH_STEPS] = {
    [PH_INSPECTION] = "inspection",     [PH_CORE_LIMIT] = "core_limit",
    [PH_ENVIRONMENT] = "environment",   [PH_NO_NEW_PRIVS] = "no_new_privs",
    [PH_SEAL] = "seal",
};

const enum ph_exit_code ph_step_exit_codes[PH_STEPS] = {
    [PH_INSPECTION] = PH_EXIT_INSPECTION,   [PH_CORE_LIMIT] = PH_EXIT_CORE_LIMIT,
    [PH_ENVIRONMENT] = PH_EXIT_ENVIRONMENT, [PH_NO_NEW_PRIVS] = PH_EXIT_INSPECTION,
    [PH_SEAL] = PH_EXIT_INSPECTION,
};

enum ph_outcome ph_fail(struct ph_failure *failure, enum ph_step step, const char *call, int error)
{
    *failure = (struct ph_failure){step, PH_CALL_FAILED, ph_step_exit_codes[step], error, 0, call};
    return PH_FAILED;
}

enum ph_outcome ph_fail_read_back(struct ph_failure *failure, enum ph_step step, const char *call,
                                  long value)
{
    *failure = (struct ph_failure){step, PH_NOT_IN_FORCE, ph_step_exit_codes[step], 0, value, call};
    return PH_FAILED;
}

enum ph_outcome ph_fail_contradicted(struct ph_failure *failure, enum ph_step step,
                                     const char *call)
{
    *failure = (struct ph_failure){step, PH_CONTRADICTED, ph_step_exit_codes[step], 0, 0, call};
    return PH_FAILED;
}

enum ph_outcome ph_fail_ptrace(struct ph_failure *failure, const char *call, int error)
{
    *failure =
        (struct ph_failure){PH_INSPECTION, PH_CALL_FAILED, PH_EXIT_PTRACE, error, 0, call};
    return PH_FAILED;
}

enum ph_outcome ph_fail_traced(struct ph_failure *failure, const char *call, long tracer)
{
    *failure = (struct ph_failure){PH_INSPECTION, PH_TRACED, PH_EXIT_PTRACE, 0, tracer, call};
    return PH_FAILED;
}

enum ph_outcome ph_fail_bypass(struct ph_failure *failure, const char *variable)
{
    *failure = (struct ph_failure){PH_ENVIRONMENT, PH_BYPASS_REFUSED, PH_EXIT_ENVIRONMENT, 0, 0,
                                   variable};
    return PH_FAILED;
}
