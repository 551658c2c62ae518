/* What the extensions have in common: python*.c and binding.c alone know Python. */
#ifndef PH_BINDING_H
#define PH_BINDING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "core/hardening.h"

#define PACKAGE "process_hardening"

/* A new reference, or NULL with an exception set. */
PyObject *ph_attribute_of(const char *module_name, const char *name);

/* Sets HardeningError, or what came in its way. */
void ph_raise(const struct ph_failure *failure);

#endif
