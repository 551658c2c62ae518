/* The steps in order, and how a step reports its failure. */
#include "environment.h"
#include "hardening.h"
#include "platform.h"

const char *const ph_step_names[PH_STEPS] = {
    [PH_INSPECTION] = "inspection",     [PH_CORE_LIMIT] = "core_limit",
    [PH_ENVIRONMENT] = "environment",   [PH_NO_NEW_PRIVS] = "no_new_privs",
    [PH_SEAL] = "seal",
};

/* The arguments of ph_harden(). */
struct request {
    const struct ph_policy *policy;
    const struct ph_visitor *removed;
};

static enum ph_outcome stop_inspection(const struct request *request, struct ph_failure *failure)
{
    (void)request;
    return ph_platform_inspection(failure);
}

static enum ph_outcome set_core_limit(const struct request *request, struct ph_failure *failure)
{
    (void)request;
    return ph_platform_core_limit(failure);
}

static enum ph_outcome clean_environment(const struct request *request, struct ph_failure *failure)
{
    return ph_environment_clean(request->policy, request->removed, failure);
}

static enum ph_outcome set_no_new_privs(const struct request *request, struct ph_failure *failure)
{
    (void)request;
    return ph_platform_no_new_privs(failure);
}

static enum ph_outcome install_seal(const struct request *request, struct ph_failure *failure)
{
    (void)request;
    return ph_platform_seal(failure);
}

/* The exit code is that of an ordinary failure; ph_fail_ptrace() has its own. */
static const struct {
    enum ph_outcome (*take)(const struct request *request, struct ph_failure *failure);
    enum ph_exit_code exit_code;
} steps[PH_STEPS] = {
    [PH_INSPECTION] = {stop_inspection, PH_EXIT_INSPECTION},
    [PH_CORE_LIMIT] = {set_core_limit, PH_EXIT_CORE_LIMIT},
    [PH_ENVIRONMENT] = {clean_environment, PH_EXIT_ENVIRONMENT},
    [PH_NO_NEW_PRIVS] = {set_no_new_privs, PH_EXIT_INSPECTION},
    [PH_SEAL] = {install_seal, PH_EXIT_INSPECTION},
};

enum ph_outcome ph_fail(struct ph_failure *failure, enum ph_step step, const char *call, int error)
{
    *failure = (struct ph_failure){step, PH_CALL_FAILED, steps[step].exit_code, error, 0, call};
    return PH_FAILED;
}

enum ph_outcome ph_fail_read_back(struct ph_failure *failure, enum ph_step step, const char *call,
                                  long value)
{
    *failure = (struct ph_failure){step, PH_NOT_IN_FORCE, steps[step].exit_code, 0, value, call};
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

int ph_bypassed(const struct ph_policy *policy)
{
    return policy->bypass && ph_environment_is_one(policy->bypass) && !ph_platform_privileged();
}

int ph_harden(const struct ph_policy *policy, const struct ph_visitor *removed,
              struct ph_report *report)
{
    const struct request request = {policy, removed};
    struct ph_failure *failure = &report->failure;
    enum ph_outcome *outcome = report->outcome;

    for (int step = 0; step < PH_STEPS; step++)
        outcome[step] = PH_SKIPPED;
    report->bypassed = ph_bypassed(policy);
    if (report->bypassed)
        return 0;
    for (int step = 0; step < PH_STEPS; step++) {
        if (policy->steps & PH_BIT(step))
            outcome[step] = steps[step].take(&request, failure);
        /* Only once inspection is stopped, so that no tracer can attach after the check. */
        if (step == PH_INSPECTION && outcome[step] != PH_FAILED && policy->refuse_tracer &&
            ph_platform_refuse_tracer(failure) == PH_FAILED)
            outcome[step] = PH_FAILED;
        if (outcome[step] == PH_FAILED)
            return (int)failure->exit_code;
    }
    return 0;
}
