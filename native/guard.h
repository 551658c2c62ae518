/* Calls a Python function and exits if it raises. */
#ifndef PH_GUARD_H
#define PH_GUARD_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Returns what the function returns. If it raises, prints one line that names the exception's
 * bypass_variable, and exits: with the exception's exit_code if that is one of a step, otherwise with
 * PH_EXIT_USAGE. */
PyObject *ph_call_or_exit(PyObject *function, PyObject *args, PyObject *keywords);

#endif
