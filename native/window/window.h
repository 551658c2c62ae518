/* A time window in which debuggers can attach. It needs a thread, so it is not in the core. */
#ifndef PH_WINDOW_H
#define PH_WINDOW_H

#include "../core/hardening.h"

/* Undoes PH_INSPECTION for this many seconds. Then a separate thread takes the step again, even if
 * other threads hang, and exits the process if the step fails. Forked children do so immediately.
 * Returns 0, or -1 and fills in failure, with EBUSY if a window is already open. */
int ph_window_open(double seconds, struct ph_failure *failure);

/* Whether a window is open. */
int ph_window_is_open(void);

/* Closes the window if it is open. Returns 0, or -1 and fills in failure. */
int ph_window_shut(struct ph_failure *failure);

#endif
