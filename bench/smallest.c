/* The baseline (a) of the benchmark: the smallest extension module that makes
 * the two calls. It checks nothing, reads nothing back and leaves the
 * environment alone, so nothing that hardens a process can cost less. */
#define Py_LIMITED_API 0x030a0000
#include <Python.h>

#include <sys/prctl.h>
#include <sys/resource.h>

static PyObject *harden(PyObject *module, PyObject *unused)
{
    static const struct rlimit zero = {0, 0};

    (void)module, (void)unused;
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)setrlimit(RLIMIT_CORE, &zero);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"harden", harden, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "smallest", NULL, 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_smallest(void)
{
    return PyModuleDef_Init(&definition);
}
