/* The initial environment, as the kernel shows it to other processes. */
#ifndef PH_INITIAL_BLOCK_H
#define PH_INITIAL_BLOCK_H

#include "hardening.h"
#include "pattern.h"

/* Wipes the variables that policy selects in the initial environment. in_environ -- whether environ
 * contained any of them. Returns the number of wiped variables, or -1 and fills in failure. */
long ph_wipe_initial(const struct ph_policy *policy, const struct ph_selection *selection,
                     int in_environ, struct ph_failure *failure);

#endif
