/* Allows interpreters with their own GIL to load a module. */
#ifndef PH_INTERPRETERS_H
#define PH_INTERPRETERS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdlib.h>

/* Adds a slot to a module's slots. Python before 3.12 does not support it and would refuse the
 * module: Include/moduleobject.h, Py_mod_multiple_interpreters. */
static inline void ph_allow_interpreters(PyModuleDef_Slot *slot)
{
    const int multiple_interpreters = 3, per_interpreter_gil = 2;
    char *rest;
    const long major = strtol(Py_GetVersion(), &rest, 10);

    if (major > 3 || (*rest == '.' && strtol(rest + 1, NULL, 10) >= 12))
        *slot = (PyModuleDef_Slot){multiple_interpreters, (void *)(uintptr_t)per_interpreter_gil};
}

#endif
