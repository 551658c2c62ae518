/* The extension _debug_window: window.h for debug_window.py. */
#include "../binding.h"
#include "window.h"

PyDoc_STRVAR(expose_doc,
             "expose(seconds, /)\n--\n\n"
             "Let debuggers of the same user in for so many seconds. Raises HardeningError.");

static PyObject *expose(PyObject *module, PyObject *args)
{
    struct ph_failure failure;
    double seconds;

    (void)module;
    if (!PyArg_ParseTuple(args, "d:expose", &seconds))
        return NULL;
    if (!ph_window_open(seconds, &failure))
        Py_RETURN_NONE;
    ph_raise(&failure);
    return NULL;
}

PyDoc_STRVAR(is_open_doc, "is_open()\n--\n\nWhether debuggers may come in now.");

static PyObject *is_open(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyBool_FromLong(ph_window_is_open());
}

PyDoc_STRVAR(shut_doc, "shut()\n--\n\nKeep debuggers out again. Raises HardeningError.");

static PyObject *shut(PyObject *module, PyObject *unused)
{
    struct ph_failure failure;

    (void)module, (void)unused;
    if (!ph_window_shut(&failure))
        Py_RETURN_NONE;
    ph_raise(&failure);
    return NULL;
}

static PyMethodDef methods[] = {
    {"expose", expose, METH_VARARGS, expose_doc},
    {"is_open", is_open, METH_NOARGS, is_open_doc},
    {"shut", shut, METH_NOARGS, shut_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, PACKAGE "._debug_window", NULL, 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__debug_window(void);
PyMODINIT_FUNC PyInit__debug_window(void)
{
    return PyModuleDef_Init(&definition);
}
