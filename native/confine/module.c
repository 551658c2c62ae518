/* The extension process_hardening._confine, through which domain.py calls domain.h (Linux), and
 * separate.py leaves a keyring. A failure of confine() is returned as (errno or 0, description). */
#include "../borrow.h"
#include "../launch/domain.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* include/uapi/linux/keyctl.h */
#define KEYCTL_GET_KEYRING_ID 0
#define KEYCTL_JOIN_SESSION_KEYRING 1
#define KEY_SPEC_SESSION_KEYRING (-3)

static PyObject *describe(const struct ph_failure *failure)
{
    char description[PH_CONFINE_MESSAGE];

    ph_confine_describe(failure, description, sizeof description);
    return Py_BuildValue("(is)", failure->error, description);
}

/* The version of Landlock, or a failure. */
static PyObject *landlock_version(PyObject *module, PyObject *unused)
{
    struct ph_failure failure;
    const long version = ph_landlock_version(&failure);

    (void)module, (void)unused;
    return version < 0 ? describe(&failure) : PyLong_FromLong(version);
}

/* Confines the calling thread, or all threads. Returns None or a failure. */
static PyObject *confine(PyObject *module, PyObject *args)
{
    struct ph_failure failure;
    int probe, refuse_signals, all_threads;

    (void)module;
    if (!PyArg_ParseTuple(args, "ipp:confine", &probe, &refuse_signals, &all_threads))
        return NULL;
    if (ph_confine((refuse_signals ? PH_CONFINE_SIGNALS : 0) |
                       (all_threads ? PH_CONFINE_THREADS : 0), probe, &failure))
        return describe(&failure);
    Py_RETURN_NONE;
}

/* Whether this process is confined; None: unknown. */
static PyObject *is_confined(PyObject *module, PyObject *unused)
{
    const int confined = ph_is_confined();

    (void)module, (void)unused;
    if (confined < 0)
        Py_RETURN_NONE;
    return PyBool_FromLong(confined);
}

/* Executes a program with exactly these environment entries. os.execve() takes a dict, which cannot
 * contain two entries with the same name, or one without a name. Returns an errno value. */
static PyObject *become(PyObject *module, PyObject *args)
{
    const char *path, **words = NULL, **entries = NULL;
    int error;

    (void)module;
    if (!PyArg_ParseTuple(args, "yO&O&:become", &path, ph_borrow_strings, &words,
                          ph_borrow_strings, &entries))
        return NULL;
    (void)execve(path, (char **)(uintptr_t)words, (char **)(uintptr_t)entries);
    error = errno;
    PyMem_Free(words);
    PyMem_Free(entries);
    return PyLong_FromLong(error);
}

/* Gives this process a new, empty session keyring. Returns an errno value; 0 also if this process
 * cannot use keyrings at all: the kernel has none, or a filter refuses keyctl(2), as Docker's does. */
static PyObject *leave_session_keyring(PyObject *module, PyObject *unused)
{
    int error = 0;

    (void)module, (void)unused;
    if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0) {
        error = errno;
        if ((error == ENOSYS || error == EPERM) &&
            syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) < 0 &&
            errno == error)
            error = 0;
    }
    return PyLong_FromLong(error);
}

static PyMethodDef methods[] = {
    {"landlock_version", landlock_version, METH_NOARGS, NULL},
    {"confine", confine, METH_VARARGS, NULL},
    {"is_confined", is_confined, METH_NOARGS, NULL},
    {"become", become, METH_VARARGS, NULL},
    {"leave_session_keyring", leave_session_keyring, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* Exports the version numbers to Python, so that only domain.h defines them. */
static int add_constants(PyObject *module)
{
    return PyModule_AddIntConstant(module, "REFUSES_SIGNALS", PH_LANDLOCK_SIGNALS) ||
           PyModule_AddIntConstant(module, "COVERS_THREADS", PH_LANDLOCK_THREADS)
               ? -1
               : 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, (void *)(uintptr_t)add_constants}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "process_hardening._confine", NULL, 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__confine(void);
PyMODINIT_FUNC PyInit__confine(void)
{
    return PyModuleDef_Init(&definition);
}
