/* Between the files of the binding, python*.c, which alone know Python. */
#ifndef PH_BINDING_H
#define PH_BINDING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define PACKAGE "process_hardening"

/* Makes the type _SecretMemory: a new reference, or NULL with an exception set. */
PyObject *ph_secret_memory_type(PyObject *module);

#endif
