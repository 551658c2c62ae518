/* The extension _launcher: the launcher, for `process-hardening run` and reexec=True. It is a
 * separate module, because few programs need it and every import would pay for it otherwise. */
#include "../borrow.h"
#include "../core/platform.h"
#include "launch.h"
#include "library.h"
#include "method.h"
#include "program.h"

#include <string.h>

/* The most recent message that explains why nothing was started. */
static char complaint[PH_PATH + 512];

static void keep_complaint(const char *line)
{
    strncpy(complaint, line, sizeof complaint - 1);
}

/* The output of --explain. It points into a static buffer. */
static const char *explanation;

static int keep_explanation(const char *text, size_t length)
{
    (void)length;
    explanation = text;
    return 0;
}

static char **as_words(const char **array)
{
    return (char **)(uintptr_t)array;
}

/* Executes the program. If nothing is started, returns (status, message, output of --explain). */
static PyObject *launch(PyObject *Py_UNUSED(module), PyObject *args)
{
    struct ph_launcher launcher = {.ignores_signals = 1};
    const char **words = NULL, **entries = NULL;
    char ***environment = ph_platform_environ(), **before = *environment;
    int status;

    if (!PyArg_ParseTuple(args, "O&O&yzsp:launch", ph_borrow_strings, &words, ph_borrow_strings,
                          &entries, &launcher.library, &launcher.bypass, &launcher.help,
                          &launcher.keeps_environment))
        return NULL;
    *complaint = '\0';
    ph_complaint = keep_complaint;
    explanation = "";
    ph_print = keep_explanation;
    *environment = as_words(entries);
    status = ph_launch(&launcher, as_words(words));
    *environment = before;
    PyMem_Free(words);
    PyMem_Free(entries);
    return Py_BuildValue("(iyy)", status, complaint, explanation);
}

static PyObject *list_words(char *const *words)
{
    PyObject *list = PyList_New(0);

    for (; list && *words; words++) {
        PyObject *word = PyBytes_FromString(*words);

        if (!word || PyList_Append(list, word))
            Py_CLEAR(list);
        Py_XDECREF(word);
    }
    return list;
}

static int is_own_file(const char *path)
{
    struct ph_statx file, own;
    struct ph_identity one, other;

    if (ph_stat(AT_FDCWD, path, 0, &file) || ph_stat(AT_FDCWD, "/proc/self/exe", 0, &own))
        return 0;
    one = ph_identify(&file);
    other = ph_identify(&own);
    return ph_is_same(&one, &other);
}

/* Describes the program that was found, then closes its file. An unreadable file other than this
 * process's own may be a script. Its interpreter would not be hardened. */
static PyObject *describe(struct ph_program *program, const char *no_library)
{
    const int is_own = program->fd < 0 && is_own_file(program->path);
    const int is_unreadable = is_own && !ph_objection(PH_UNREADABLE_FILE, program, NULL);

    if (program->fd >= 0) {
        no_library = ph_objection(PH_PRELOAD, program, no_library);
        (void)ph_syscall(SYS_close, program->fd, 0, 0, 0, 0);
    } else if (!is_own) {
        no_library = "its file cannot be read: it may be a script with a readable interpreter";
    }
    return Py_BuildValue("(yyNNzyNz)", program->path, program->name, list_words(program->argv),
                         list_words(program->variables), no_library, program->elf.sanitizer,
                         PyBool_FromLong(is_unreadable), program->loaded);
}

/* Finds the program that the command line `words` would run. Returns (status, message, None) or
 * (0, "", what describe() returns). */
static PyObject *find(PyObject *Py_UNUSED(module), PyObject *args)
{
    static struct ph_program program;
    const char **words = NULL, *folders, *library;
    char **argv = NULL;
    PyObject *result = NULL;
    size_t count = 0;
    int status;

    if (!PyArg_ParseTuple(args, "O&yy:find", ph_borrow_strings, &words, &folders, &library))
        return NULL;
    while (words[count])
        count++;
    argv = PyMem_Calloc(PH_SPARE + count + 1, sizeof *argv);
    if (argv) {
        memcpy(argv + PH_SPARE, words, count * sizeof *argv);
        program = (struct ph_program){.folders = folders};
        ph_complaint = keep_complaint;
        status = ph_program_find(&program, argv + PH_SPARE);
        result = status ? Py_BuildValue("(iyO)", status, complaint, Py_None)
                        : Py_BuildValue("(iyN)", 0, "", describe(&program, ph_library_objection(library)));
    } else {
        PyErr_NoMemory();
    }
    PyMem_Free(argv);
    PyMem_Free(words);
    return result;
}

static PyObject *library_objection(PyObject *Py_UNUSED(module), PyObject *path)
{
    const char *bytes = PyBytes_AsString(path);

    return bytes ? Py_BuildValue("z", ph_library_objection(bytes)) : NULL;
}

static PyMethodDef methods[] = {
    {"launch", launch, METH_VARARGS, NULL},
    {"find", find, METH_VARARGS, NULL},
    {"library_objection", library_objection, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "process_hardening._launcher", NULL, 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__launcher(void);
PyMODINIT_FUNC PyInit__launcher(void)
{
    return PyModuleDef_Init(&definition);
}
