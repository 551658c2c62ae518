/* Converts the lists of words and variables that Python passes to the extensions. */
#ifndef PH_BORROW_H
#define PH_BORROW_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* For "O&": a NULL-terminated array that borrows the strings of a tuple of bytes; NULL for None.
 * PyArg_ParseTuple() calls it with NULL to free the array when a later argument is wrong. */
static inline int ph_borrow_strings(PyObject *tuple, void *address)
{
    const char ***array = address;
    Py_ssize_t count = tuple && tuple != Py_None ? PyTuple_Size(tuple) : 0;
    int failed = !tuple || count < 0;

    if (tuple == Py_None)
        return 1;
    if (!failed && !(*array = PyMem_Calloc((size_t)count + 1, sizeof **array))) {
        PyErr_NoMemory();
        failed = 1;
    }
    for (Py_ssize_t i = 0; !failed && i < count; i++) {
        char *text = NULL;

        /* No length is requested, so bytes that contain a NUL are refused. */
        failed = PyBytes_AsStringAndSize(PyTuple_GetItem(tuple, i), &text, NULL);
        (*array)[i] = text;
    }
    if (failed)
        PyMem_Free(*array); /* NULL before the first call */
    return failed ? 0 : Py_CLEANUP_SUPPORTED;
}

#endif
