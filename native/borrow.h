/* Converts the lists of words and variables that Python passes to the extensions. */
#ifndef PH_BORROW_H
#define PH_BORROW_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* For "O&": a NULL-terminated array that borrows the strings of a tuple of bytes.
 * PyArg_ParseTuple() calls it with NULL to free the array when a later argument is wrong. */
static inline int ph_borrow_strings(PyObject *tuple, void *address)
{
    const char ***array = address;
    const Py_ssize_t count = tuple && PyTuple_Check(tuple) ? PyTuple_Size(tuple) : -1;
    int failed = count < 0;

    if (tuple && failed)
        PyErr_SetString(PyExc_TypeError, "a tuple of bytes is required");
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

/* The same, but NULL for None. */
static inline int ph_borrow_strings_or_null(PyObject *tuple, void *address)
{
    return tuple == Py_None ? 1 : ph_borrow_strings(tuple, address);
}

#endif
