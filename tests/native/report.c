/* Hardens this process as a program would, and prints the outcomes. tools/cross.py links it for
 * every system, to check that every symbol of the core is in that system's libraries. */
#include "hardening.h"

#include <stdio.h>

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
        ph_message(&report, &policy, message, sizeof message);
        ph_warn(message);
    }
    for (int step = 0; step < PH_STEPS; step++)
        printf("%s: %s\n", ph_step_names[step], outcomes[report.outcome[step]]);
    ph_status(&status);
    printf("inspectable: %d\ndumpable: %d\ncore limit known: %d\n", status.inspectable,
           status.dumpable, status.core_known);
    return exit_code;
}
