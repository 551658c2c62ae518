/* The extension process_hardening._debug_window, with which debug_window.py calls window.h.
 * Failures have the same form as those of _native. */
#include "../failure.h"
#include "../interpreters.h"
#include "window.h"

static PyObject *expose(PyObject *module, PyObject *args)
{
    struct ph_failure failure;
    double seconds;

    (void)module;
    if (!PyArg_ParseTuple(args, "d:expose", &seconds))
        return NULL;
    return ph_failure_as_tuple(ph_window_open(seconds, &failure) ? &failure : NULL);
}

static PyObject *is_open(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyBool_FromLong(ph_window_is_open());
}

static PyObject *shut(PyObject *module, PyObject *unused)
{
    struct ph_failure failure;

    (void)module, (void)unused;
    return ph_failure_as_tuple(ph_window_shut(&failure) ? &failure : NULL);
}

static PyMethodDef methods[] = {
    {"expose", expose, METH_VARARGS, NULL},
    {"is_open", is_open, METH_NOARGS, NULL},
    {"shut", shut, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "process_hardening._debug_window", NULL, 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__debug_window(void);
PyMODINIT_FUNC PyInit__debug_window(void)
{
    ph_allow_interpreters(&slots[0]);
    return PyModuleDef_Init(&definition);
}
