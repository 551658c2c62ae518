/* Between harden.c and environment.c. */
#ifndef PH_ENVIRONMENT_H
#define PH_ENVIRONMENT_H

#include "hardening.h"

/* The step PH_ENVIRONMENT. */
enum ph_outcome ph_environment_clean(const struct ph_policy *policy,
                                     const struct ph_visitor *removed, struct ph_failure *failure);

/* Whether the environment has the entry NAME=1, to the letter. */
int ph_environment_is_one(const char *name);

#endif
