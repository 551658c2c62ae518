/* Systems other than Linux, where PH_INSPECTION is unsupported or cannot be undone. */
#include "window.h"

#include <errno.h>

int ph_window_open(double seconds, struct ph_failure *failure)
{
    (void)seconds;
    *failure = (struct ph_failure){.step = PH_INSPECTION, .reason = PH_CALL_FAILED,
                                   .call = "opening a debug window",
                                   .exit_code = PH_EXIT_INSPECTION, .error = ENOSYS};
    return -1;
}

int ph_window_is_open(void)
{
    return 0;
}

int ph_window_shut(struct ph_failure *failure)
{
    (void)failure;
    return 0;
}
