/* The steps, in order. */
#include "environment.h"
#include "hardening.h"
#include "platform.h"

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

static enum ph_outcome (*const take_step[PH_STEPS])(const struct request *request,
                                                    struct ph_failure *failure) = {
    [PH_INSPECTION] = stop_inspection,   [PH_CORE_LIMIT] = set_core_limit,
    [PH_ENVIRONMENT] = clean_environment, [PH_NO_NEW_PRIVS] = set_no_new_privs,
    [PH_SEAL] = install_seal,
};

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
    report->seccomp = -1;
    if (report->bypassed && policy->refuse_bypass) {
        report->bypassed = 0;
        outcome[PH_ENVIRONMENT] = ph_fail_bypass(failure, policy->bypass);
        return (int)failure->exit_code;
    }
    if (report->bypassed)
        return 0;
    for (int step = 0; step < PH_STEPS; step++) {
        if (policy->steps & PH_BIT(step))
            outcome[step] = take_step[step](&request, failure);
        report->seccomp = ph_platform_seccomp();
        /* Only after the inspection step, so that no tracer can attach after the check. */
        if (step == PH_INSPECTION && outcome[step] != PH_FAILED && policy->refuse_tracer &&
            ph_platform_refuse_tracer(failure) == PH_FAILED)
            outcome[step] = PH_FAILED;
        if (outcome[step] == PH_FAILED)
            return (int)failure->exit_code;
    }
    return 0;
}
