/* A window in which debuggers may attach. Not part of the core: the preload library has no use
 * for it, and it needs a thread. */
#ifndef PH_WINDOW_H
#define PH_WINDOW_H

#include "../core/hardening.h"

/* Undoes PH_INSPECTION for so many seconds. A thread of its own puts it in force again, whatever
 * hangs in the process meanwhile; where it cannot, it ends the process. fork children are shut from
 * their start. Fails with EBUSY while a window is open. Returns 0, or -1 with failure filled in and nothing changed. */
int ph_window_open(double seconds, struct ph_failure *failure);

/* Whether the process is open to debuggers because of the call above. */
int ph_window_is_open(void);

/* Shuts it, if it is open. Returns 0, or -1 with failure filled in. */
int ph_window_shut(struct ph_failure *failure);

#endif
