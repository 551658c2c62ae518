/* Hardens this process as a program would, and says what came of it. tools/cross.py links it for
 * every system, so that each symbol of the core is found in that system's libraries. */
#include "hardening.h"

#include <stdio.h>

static const char *const steps[PH_STEPS] = {"inspection", "core limit", "environment",
                                            "no_new_privs", "seal"};
static const char *const outcomes[] = {"skipped", "applied", "already in place", "unsupported",
                                       "failed"};

int main(void)
{
    const struct ph_policy policy = {.steps = PH_BIT(PH_STEPS) - 1, .bypass = PH_BYPASS_VARIABLE};
    struct ph_report report;
    struct ph_status status;
    char message[PH_MESSAGE_SIZE];
    int exit_code = ph_harden(&policy, NULL, &report);

    if (report.bypassed || exit_code) {
        /* The text ends in its NUL; its length is of no use to ph_warn(). */
        (void)ph_message(&report, &policy, message, sizeof message);
        ph_warn(message);
    }
    for (int step = 0; step < PH_STEPS; step++)
        printf("%s: %s\n", steps[step], outcomes[report.outcome[step]]);
    ph_status(&status);
    printf("inspectable: %d\ndumpable: %d\ncore limit known: %d\n", status.inspectable,
           status.dumpable, status.core_known);
    return exit_code;
}
