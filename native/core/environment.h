/* The step that removes variables. */
#ifndef PH_ENVIRONMENT_H
#define PH_ENVIRONMENT_H

#include "hardening.h"

/* Whether environ contains the entry NAME=1. */
int ph_environment_is_one(const char *name);

/* The step PH_ENVIRONMENT. */
enum ph_outcome ph_environment_clean(const struct ph_policy *policy,
                                     const struct ph_visitor *removed, struct ph_failure *failure);

#endif
