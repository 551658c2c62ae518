/* Passes a failure of the core to Python, which turns it into a HardeningError. */
#ifndef PH_FAILURE_H
#define PH_FAILURE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "core/hardening.h"

/* (errno or 0, description, name of the step, exit code); None for no failure. */
static inline PyObject *ph_failure_as_tuple(const struct ph_failure *failure)
{
    char description[PH_MESSAGE_SIZE];

    if (!failure)
        return Py_NewRef(Py_None);
    ph_describe(failure, description, sizeof description);
    return Py_BuildValue("(issi)", failure->error, description, ph_step_names[failure->step],
                         (int)failure->exit_code);
}

#endif
