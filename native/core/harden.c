/* The order of the steps, and what becomes of their outcomes. */
#include "environment.h"
#include "hardening.h"
#include "platform.h"

int ph_bypassed(const struct ph_policy *policy)
{
    return policy->bypass && ph_environment_is_one(policy->bypass) && !ph_platform_privileged();
}

int ph_harden(const struct ph_policy *policy, const struct ph_visitor *removed,
              struct ph_report *report)
{
    struct ph_failure *failure = &report->failure;
    enum ph_outcome *outcome = report->outcome;

    for (int step = 0; step < PH_STEPS; step++)
        outcome[step] = PH_SKIPPED;
    report->bypassed = ph_bypassed(policy);
    if (report->bypassed)
        return 0;

    if (policy->steps & PH_BIT(PH_INSPECTION)) {
        outcome[PH_INSPECTION] = ph_platform_inspection(failure);
        if (outcome[PH_INSPECTION] == PH_FAILED)
            return (int)failure->exit_code;
    }
    /* After the step above, so that no tracer can come between the look and the lock. */
    if (policy->refuse_tracer && ph_platform_refuse_tracer(failure) == PH_FAILED) {
        outcome[PH_INSPECTION] = PH_FAILED;
        return (int)failure->exit_code;
    }
    if (policy->steps & PH_BIT(PH_CORE_LIMIT)) {
        outcome[PH_CORE_LIMIT] = ph_platform_core_limit(failure);
        if (outcome[PH_CORE_LIMIT] == PH_FAILED)
            return (int)failure->exit_code;
    }
    if (policy->steps & PH_BIT(PH_ENVIRONMENT)) {
        outcome[PH_ENVIRONMENT] = ph_environment_clean(policy, removed, failure);
        if (outcome[PH_ENVIRONMENT] == PH_FAILED)
            return (int)failure->exit_code;
    }
    if (policy->steps & PH_BIT(PH_NO_NEW_PRIVS)) {
        outcome[PH_NO_NEW_PRIVS] = ph_platform_no_new_privs(failure);
        if (outcome[PH_NO_NEW_PRIVS] == PH_FAILED)
            return (int)failure->exit_code;
    }
    if (policy->steps & PH_BIT(PH_SEAL)) {
        outcome[PH_SEAL] = ph_platform_seal(failure);
        if (outcome[PH_SEAL] == PH_FAILED)
            return (int)failure->exit_code;
    }
    return 0;
}
