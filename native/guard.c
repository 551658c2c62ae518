/* Calls a Python function and exits if it raises. */
#include "guard.h"

#include "core/hardening.h"

/* The exit code of a HardeningError. The exit_code of other exceptions, which may be 0
 * (click.exceptions.Exit), is ignored. */
static int exit_code_of(PyObject *error)
{
    PyObject *value = error ? PyObject_GetAttrString(error, "exit_code") : NULL;
    long code = value && PyLong_CheckExact(value) ? PyLong_AsLong(value) : 0;

    Py_XDECREF(value);
    PyErr_Clear();
    return code >= PH_EXIT_INSPECTION && code <= PH_EXIT_ENVIRONMENT ? (int)code : PH_EXIT_USAGE;
}

/* The text of str(error) as bytes, without NULs and newlines; NULL if there is none. */
static PyObject *describe(PyObject *error)
{
    PyObject *text = error ? PyObject_Str(error) : NULL;
    PyObject *encoded = text ? PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace") : NULL;
    char *byte = encoded ? PyBytes_AsString(encoded) : NULL;

    for (Py_ssize_t i = 0; byte && i < PyBytes_Size(encoded); i++)
        if (byte[i] == '\n' || byte[i] == '\0')
            byte[i] = ' ';
    Py_XDECREF(text);
    PyErr_Clear();
    return encoded;
}

PyObject *ph_call_or_exit(PyObject *function, PyObject *args, PyObject *keywords)
{
    char message[2 * PH_MESSAGE_SIZE];
    PyObject *type, *error, *traceback, *text, *bypass, *name;
    PyObject *result = PyObject_Call(function, args, keywords);
    int code;

    if (result)
        return result;
    PyErr_Fetch(&type, &error, &traceback);
    PyErr_NormalizeException(&type, &error, &traceback);
    code = exit_code_of(error);
    text = describe(error);
    bypass = error ? PyObject_GetAttrString(error, "bypass_variable") : NULL;
    PyErr_Clear();
    name = bypass && PyUnicode_Check(bypass) ? PyUnicode_AsUTF8String(bypass) : NULL;
    ph_last_words(text && PyBytes_Size(text) ? PyBytes_AsString(text) : "hardening failed", code,
                  name && code != PH_EXIT_USAGE ? PyBytes_AsString(name) : NULL, message,
                  sizeof message);
    ph_warn(message);
    ph_exit(code);
}
