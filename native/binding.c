#include "binding.h"

static const char *const step_names[] = {"inspection", "core_limit", "environment",
                                         "no_new_privs", "seal"};

PyObject *ph_attribute_of(const char *module_name, const char *name)
{
    PyObject *module = PyImport_ImportModule(module_name);
    PyObject *attribute = module ? PyObject_GetAttrString(module, name) : NULL;

    Py_XDECREF(module);
    return attribute;
}

void ph_raise(const struct ph_failure *failure)
{
    char description[PH_MESSAGE_SIZE];
    PyObject *type = ph_attribute_of(PACKAGE ".errors", "HardeningError");
    PyObject *error;

    if (!type)
        return;
    /* NUL-terminated; the length is of no use here. */
    (void)ph_describe(failure, description, sizeof description);
    error = PyObject_CallFunction(type, "issi", failure->error, description,
                                  step_names[failure->step], (int)failure->exit_code);
    if (error)
        PyErr_SetObject(type, error);
    Py_XDECREF(error);
    Py_DECREF(type);
}
