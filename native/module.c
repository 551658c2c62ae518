/* The extension _process_hardening: Python bindings of the core, `_native` in Python. Policy lives in
 * Python; the types of these functions are in _native.pyi. */
#include "borrow.h"
#include "exec/handover.h"
#include "failure.h"
#include "guard.h"
#include "interpreters.h"

#include <string.h>
#ifdef __linux__
#include "launch/started.h"

#include <sys/syscall.h>
#else
/* On other systems, a program's file does not protect its process. */
#define ph_read_start() "ordinary"
#endif

static const char *value_in(const char *entry, size_t name_length)
{
    return entry + name_length + (entry[name_length] == '=');
}

/* The context of each visitor that appends is the list to which it appends. */
static int append(PyObject *list, PyObject *item)
{
    int failed = !item || PyList_Append(list, item);

    Py_XDECREF(item);
    return failed ? ENOMEM : 0;
}

static int append_name(void *list, const char *entry, size_t name_length)
{
    return append(list, PyBytes_FromStringAndSize(entry, (Py_ssize_t)name_length));
}

static int append_entry(void *list, const char *entry, size_t name_length)
{
    (void)name_length;
    return append(list, PyBytes_FromString(entry));
}

static int append_variable(void *list, const char *entry, size_t name_length)
{
    return append(list, Py_BuildValue("(y#yi)", entry, (Py_ssize_t)name_length,
                                      value_in(entry, name_length),
                                      ph_environment_is_initial(entry)));
}

static int append_added_name(void *list, const char *entry, size_t name_length)
{
    return ph_environment_is_initial(entry) ? 0 : append_name(list, entry, name_length);
}

static void wipe(const char *bytes, size_t length)
{
    /* volatile: nothing reads the bytes again, so a compiler could drop these writes. */
    for (volatile char *byte = (char *)(uintptr_t)bytes; length--; byte++)
        *byte = '\0';
}

/* Whether the bytes are writable: putenv(3) accepts a string literal too. A system call finds this
 * out without causing a signal. It overwrites the bytes. */
static int is_writable(const char *bytes, size_t length)
{
#ifdef SYS_getrandom
    return !length || syscall(SYS_getrandom, bytes, length, 1 /* GRND_NONBLOCK */) >= 0 ||
           errno != EFAULT;
#else
    (void)bytes, (void)length;
    return 1;
#endif
}

/* Wipes a value outside the initial block, where setenv(3) may have put it. The core wipes only
 * values in that block. */
static int wipe_value(void *unused, const char *entry, size_t name_length)
{
    const char *value = value_in(entry, name_length);
    const size_t length = strlen(value);

    (void)unused;
    if (!is_writable(value, length))
        return EFAULT;
    wipe(value, length);
    return 0;
}

/* Whether a variable was added after the start, for example by load_dotenv(). */
static int came_later(const char *name)
{
    const char *value = ph_environment_value(name);

    return value && !ph_environment_is_initial(value);
}

static PyObject *harden(PyObject *Py_UNUSED(module), PyObject *args)
{
    static int warned;
    const char **remove = NULL, **keep = NULL;
    struct ph_policy policy = {0};
    struct ph_visitor visitor;
    struct ph_report report;
    char outcomes[PH_STEPS], message[PH_MESSAGE_SIZE];
    PyObject *removed, *result = NULL;
    int fatal, wipes_values, failed;

    if (!PyArg_ParseTuple(args, "IpO&O&zppp:harden", &policy.steps, &policy.refuse_tracer,
                          ph_borrow_strings_or_null, &remove, ph_borrow_strings, &keep,
                          &policy.bypass, &policy.refuse_bypass, &fatal, &wipes_values))
        return NULL;
    policy.remove = remove;
    policy.keep = keep;
    if (policy.bypass && came_later(policy.bypass))
        policy.bypass = NULL; /* whoever started the program did not set it */
    removed = PyList_New(0);
    visitor = (struct ph_visitor){wipes_values ? wipe_value : append_variable, removed};
    failed = removed && ph_harden(&policy, &visitor, &report);
    if (!PyErr_Occurred()) {
        if ((failed && fatal) || (report.bypassed && !warned)) {
            ph_message(&report, &policy, message, sizeof message);
            ph_warn(message);
            if (failed)
                ph_exit((int)report.failure.exit_code);
            warned = 1;
        }
        for (int step = 0; step < PH_STEPS; step++)
            outcomes[step] = (char)report.outcome[step];
        result = Py_BuildValue("(y#OiON)", outcomes, (Py_ssize_t)PH_STEPS,
                               report.bypassed ? Py_True : Py_False, report.seccomp, removed,
                               ph_failure_as_tuple(failed ? &report.failure : NULL));
    }
    PyMem_Free(remove);
    PyMem_Free(keep);
    Py_XDECREF(removed);
    return result;
}

/* Returns those of the given entries (a list of bytes) that match. If None is given instead,
 * returns the names of the matching variables in the environment. */
static PyObject *matching(PyObject *Py_UNUSED(module), PyObject *args)
{
    const char **remove = NULL, **keep = NULL;
    struct ph_visitor visitor = {append_name, NULL};
    PyObject *entries;
    int failed;

    if (!PyArg_ParseTuple(args, "OO&O&:matching", &entries, ph_borrow_strings_or_null,
                          &remove, ph_borrow_strings, &keep))
        return NULL;
    visitor.context = PyList_New(0);
    failed = !visitor.context ||
             (entries == Py_None && ph_environment_visit(remove, keep, &visitor));
    for (Py_ssize_t i = 0; !failed && entries != Py_None && i < PyList_Size(entries); i++) {
        PyObject *entry = PyList_GetItem(entries, i);
        const char *text = PyBytes_AsString(entry);

        failed = !text || (ph_environment_matches(text, remove, keep) &&
                           PyList_Append(visitor.context, entry));
    }
    PyMem_Free(remove);
    PyMem_Free(keep);
    if (PyErr_Occurred())
        Py_CLEAR(visitor.context);
    return visitor.context;
}

/* Returns the names of the matching variables that were added after the start. Returns an empty
 * list on systems where this is unknown. */
static PyObject *added(PyObject *Py_UNUSED(module), PyObject *args)
{
    const char **names = NULL;
    struct ph_visitor visitor = {append_added_name, NULL};

    if (!PyArg_ParseTuple(args, "O&:added", ph_borrow_strings, &names))
        return NULL;
    visitor.context = PyList_New(0);
    if (visitor.context && ph_environment_visit(names, NULL, &visitor))
        Py_CLEAR(visitor.context);
    PyMem_Free(names);
    return visitor.context;
}

/* Returns the entries that this process was started with, or only their names. Leaves out wiped
 * entries. */
static PyObject *initial_environment(PyObject *Py_UNUSED(module), PyObject *only_names)
{
    PyObject *entries = PyList_New(0), *result = NULL;
    const struct ph_visitor visitor = {only_names == Py_True ? append_name : append_entry, entries};
    struct ph_failure failure;
    int failed = entries && ph_environment_initial(&visitor, &failure);

    if (!PyErr_Occurred())
        result = Py_BuildValue("(ON)", entries, ph_failure_as_tuple(failed ? &failure : NULL));
    Py_XDECREF(entries);
    return result;
}

/* Returns the value as a bytearray, which the caller has to wipe, or None. */
static PyObject *read_variable(PyObject *Py_UNUSED(module), PyObject *name)
{
    const char *text = PyBytes_AsString(name), *value = text ? ph_environment_value(text) : NULL;

    if (!text)
        return NULL;
    return value ? PyByteArray_FromStringAndSize(value, (Py_ssize_t)strlen(value))
                 : Py_NewRef(Py_None);
}

/* Deletes a key of a dict. If its value is bytes to which nothing else refers, zeroes the value. */
static PyObject *pop_and_wipe(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *mapping, *key, *value;

    if (!PyArg_ParseTuple(args, "O!O:pop_and_wipe", &PyDict_Type, &mapping, &key))
        return NULL;
    value = Py_XNewRef(PyDict_GetItemWithError(mapping, key));
    if (value && !PyDict_DelItem(mapping, key) && PyBytes_Check(value) && Py_REFCNT(value) == 1)
        wipe(PyBytes_AsString(value), (size_t)PyBytes_Size(value));
    Py_XDECREF(value);
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

static PyObject *status(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    struct ph_status now;

    ph_status(&now);
    return Py_BuildValue("(iiiiiLN)", now.dumpable, now.inspectable, now.no_new_privs, now.sealed,
                         now.seccomp, (long long)now.tracer_pid,
                         now.core_known ? Py_BuildValue("(KK)", (unsigned long long)now.core_soft,
                                                        (unsigned long long)now.core_hard)
                                        : Py_NewRef(Py_None));
}

static PyObject *call_or_exit(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *function, *positional, *keywords;

    if (!PyArg_ParseTuple(args, "OO!O!:call_or_exit", &function, &PyTuple_Type, &positional,
                          &PyDict_Type, &keywords))
        return NULL;
    return ph_call_or_exit(function, positional, keywords);
}

static PyMethodDef methods[] = {
    {"harden", harden, METH_VARARGS, NULL},
    {"matching", matching, METH_VARARGS, NULL},
    {"added", added, METH_VARARGS, NULL},
    {"initial_environment", initial_environment, METH_O, NULL},
    {"read_variable", read_variable, METH_O, NULL},
    {"pop_and_wipe", pop_and_wipe, METH_VARARGS, NULL},
    {"status", status, METH_NOARGS, NULL},
    {"call_or_exit", call_or_exit, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int add_loader_variables(PyObject *module)
{
    PyObject *list = PyList_New(0);
    int failed = !list;

    for (const char *const *pattern = ph_platform_loader_variables; !failed && *pattern; pattern++)
        failed = append(list, PyBytes_FromString(*pattern));
    failed = failed || PyModule_AddObjectRef(module, "LOADER_VARIABLES", list);
    Py_XDECREF(list);
    return failed;
}

/* Adds a dictionary, in the order of the steps: the exit code of each by its name. */
static int add_steps(PyObject *module)
{
    PyObject *steps = PyDict_New();
    int failed = !steps;

    for (int step = 0; !failed && step < PH_STEPS; step++) {
        PyObject *code = PyLong_FromLong((long)ph_step_exit_codes[step]);

        failed = !code || PyDict_SetItemString(steps, ph_step_names[step], code);
        Py_XDECREF(code);
    }
    failed = failed || PyModule_AddObjectRef(module, "STEPS", steps);
    Py_XDECREF(steps);
    return failed;
}

static int add_constants(PyObject *module)
{
    if (add_loader_variables(module) || add_steps(module) ||
        PyModule_AddIntConstant(module, "DEFAULT_STEPS", PH_DEFAULT_STEPS) ||
        PyModule_AddStringConstant(module, "BYPASS_VARIABLE", PH_BYPASS_VARIABLE) ||
        PyModule_AddStringConstant(module, "CHILDREN_VARIABLE", PH_CHILDREN_VARIABLE) ||
        PyModule_AddStringConstant(module, "KEEP_VARIABLE", PH_KEEP_VARIABLE) ||
        PyModule_AddStringConstant(module, "EXCEPT_VARIABLE", PH_EXCEPT_VARIABLE) ||
        PyModule_AddStringConstant(module, "BYPASS_NAME_VARIABLE", PH_BYPASS_NAME_VARIABLE) ||
        PyModule_AddStringConstant(module, "SET_ASIDE_VARIABLE", PH_SET_ASIDE_VARIABLE) ||
        PyModule_AddStringConstant(module, "EXCEPTIONS", PH_EXCEPTIONS) ||
        PyModule_AddStringConstant(module, "STARTED", ph_read_start()) ||
        PyModule_AddStringConstant(module, "VERSION", PH_VERSION))
        return -1;
    return 0;
}

/* Not marked Py_MOD_GIL_NOT_USED, since changing the environment takes several steps. Interpreters
 * with their own GIL share the environment too, as with setenv(3), but the first interpreter
 * hardens before others start. */
static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)(uintptr_t)add_constants}, {0, NULL}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_process_hardening", NULL, 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__process_hardening(void)
{
    ph_allow_interpreters(&slots[1]);
    return PyModuleDef_Init(&definition);
}
