/* The package's __init__, as a stable-ABI extension. It is the package itself, not a module
 * inside it, because a Python __init__ and one more import would cost as much again as the
 * hardening (docs/architecture.md, "Why the package is an extension"). */
#include "binding.h"
#include "launch/image.h"

#include <signal.h>
#include <string.h>
#include <structmember.h>
#ifdef _WIN32
#include <process.h>
#define execve _execve
typedef const char *const *words;
#else
#include <unistd.h>
typedef char *const *words;
#endif

#define PRELOAD_PREFIX "LD_PRELOAD="
#define PRELOAD_FILE "libprocess_hardening.so"

/* Public names that Python modules define: loaded when first asked for. */
static const struct {
    const char *name;
    const char *module;
} lazy_names[] = {
    {"ChildCheck", PACKAGE ".children"},
    {"ChildrenReport", PACKAGE ".children"},
    {"DEFAULT", PACKAGE ".policy"},
    {"DebugWindowError", PACKAGE ".errors"},
    {"HardeningError", PACKAGE ".errors"},
    {"InjectorRefusedError", PACKAGE ".errors"},
    {"MissingVariableError", PACKAGE ".errors"},
    {"Policy", PACKAGE ".policy"},
    {"STRICT", PACKAGE ".policy"},
    {"SecretBuffer", PACKAGE ".secret_memory"},
    {"SecretMemoryError", PACKAGE ".errors"},
    {"Status", PACKAGE ".hardening"},
    {"check_child", PACKAGE ".children"},
    {"child_env", PACKAGE ".hardening"},
    {"debuggable", PACKAGE ".debug_window"},
    {"guard_environment", PACKAGE ".drift"},
    {"harden_children", PACKAGE ".children"},
    {"popen_unhardened", PACKAGE ".children"},
    {"recheck", PACKAGE ".drift"},
    {"rescrub", PACKAGE ".drift"},
    {"status", PACKAGE ".hardening"},
    {"take_env", PACKAGE ".secret_memory"},
    {"watch", PACKAGE ".drift"},
};
static const char *const native_names[] = {"Report", "harden", "pre_main_hardening"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const outcome_names[] = {"skipped", "applied", "already in place",
                                            "unsupported here"};

/* The fields are objects: one a step, in the order of enum ph_step, then three of our own. */
enum { FIELD_CHILDREN = PH_STEPS, FIELD_REMOVED, FIELD_BYPASSED, FIELDS };
struct report_object {
    PyObject_HEAD
    PyObject *field[FIELDS];
};

#define FIELD(name, number, doc)                                                                   \
    {                                                                                              \
        name, T_OBJECT_EX, offsetof(struct report_object, field[number]), READONLY, doc            \
    }
static PyMemberDef report_members[] = {
    FIELD("inspection", PH_INSPECTION, "The step that keeps processes of the same user out."),
    FIELD("core_limit", PH_CORE_LIMIT, "The step that sets RLIMIT_CORE to 0, soft and hard."),
    FIELD("environment", PH_ENVIRONMENT, "The step that removes loader variables."),
    FIELD("no_new_privs", PH_NO_NEW_PRIVS, "The step that sets no_new_privs."),
    FIELD("seal", PH_SEAL, "The step that forbids to undo the first one."),
    FIELD("children", FIELD_CHILDREN, "The step that has later children hardened."),
    FIELD("removed", FIELD_REMOVED, "Names of the variables that this call took out."),
    FIELD("bypassed", FIELD_BYPASSED, "Whether the bypass variable made it skip every step."),
    {NULL, 0, 0, 0, NULL},
};

static void report_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    for (int i = 0; i < FIELDS; i++)
        Py_XDECREF(((struct report_object *)self)->field[i]);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *report_repr(PyObject *self)
{
    PyObject **field = ((struct report_object *)self)->field;

    return PyUnicode_FromFormat("Report(inspection=%R, core_limit=%R, environment=%R, "
                                "no_new_privs=%R, seal=%R, children=%R, removed=%R, "
                                "bypassed=%R)",
                                field[0], field[1], field[2], field[3], field[4], field[5],
                                field[6], field[7]);
}

PyDoc_STRVAR(report_doc,
             "What a call of harden() or pre_main_hardening() did.\n\n"
             "Each step is 'applied', 'already in place', 'unsupported here' or 'skipped'.");

static PyType_Slot report_slots[] = {
    {Py_tp_doc, (void *)(uintptr_t)report_doc},
    {Py_tp_dealloc, (void *)(uintptr_t)report_dealloc},
    {Py_tp_repr, (void *)(uintptr_t)report_repr},
    {Py_tp_members, report_members},
    {0, NULL},
};

static PyType_Spec report_spec = {PACKAGE ".Report", sizeof(struct report_object), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                  report_slots};

struct state {
    PyObject *outcomes[COUNT(outcome_names)];
    PyObject *report_type;
    PyObject *os;           /* the module */
    PyObject *environ_name; /* "environ" */
    PyObject *os_environ;   /* as Python made it, or NULL; environ is a macro on Windows */
    PyObject *environ_data; /* the dict that os.environ and os.environb have in common */
    PyObject *removed;       /* dict: all that harden() took out, name to value, both bytes */
    PyObject *preload_entry; /* bytes: how LD_PRELOAD asks for our library, for children too */
    const char *keep[2];     /* DEFAULT's exceptions: that entry */
    int warned;
};

/* A policy as C sees it. The strings belong to owner. */
struct given {
    struct ph_policy policy;
    PyObject *for_children; /* the policy, borrowed, when it has children hardened; else NULL */
    const char **lists;
    PyObject *owner;
};

static void release(struct given *given)
{
    PyMem_Free(given->lists);
    given->lists = NULL;
    Py_CLEAR(given->owner);
}

/* Writes the bytes objects of a tuple into list. Returns where it ended, or NULL. */
static const char **fill(const char **list, PyObject *tuple)
{
    for (Py_ssize_t i = 0; i < PyTuple_Size(tuple); i++)
        if (!(*list++ = PyBytes_AsString(PyTuple_GetItem(tuple, i))))
            return NULL;
    return list;
}

/* Returns 0, or -1 with an exception set. What it took must be released. */
static int take_policy(struct state *state, PyObject *policy, struct given *given)
{
    struct ph_policy *taken = &given->policy;
    PyObject *type, *clear, *keep;
    Py_ssize_t loader_variables = 0;
    const char **end;
    int is_policy, children;

    *given = (struct given){
        {PH_DEFAULT_STEPS, 0, NULL, state->keep, PH_BYPASS_VARIABLE}, NULL, NULL, NULL};
    if (policy == Py_None)
        return 0;
    type = ph_attribute_of(PACKAGE ".policy", "Policy");
    is_policy = type ? PyObject_IsInstance(policy, type) : -1;
    Py_XDECREF(type);
    if (is_policy < 0)
        return -1;
    if (!is_policy) {
        PyErr_Format(PyExc_TypeError,
                     "policy must be a process_hardening.Policy (as DEFAULT or STRICT), not %R",
                     (PyObject *)Py_TYPE(policy));
        return -1;
    }
    given->owner = PyObject_GetAttrString(policy, "_native");
    if (!given->owner ||
        !PyArg_ParseTuple(given->owner, "IpO!O!zp", &taken->steps, &taken->refuse_tracer,
                          &PyTuple_Type, &clear, &PyTuple_Type, &keep, &taken->bypass,
                          &children))
        return -1;
    given->for_children = children ? policy : NULL;
    while (ph_platform_loader_variables[loader_variables])
        loader_variables++;
    given->lists = PyMem_Calloc(
        (size_t)(PyTuple_Size(keep) + PyTuple_Size(clear) + loader_variables + 3),
        sizeof *given->lists);
    if (!given->lists) {
        PyErr_NoMemory();
        return -1;
    }
    end = fill(given->lists, keep);
    if (!end)
        return -1;
    *end++ = state->keep[0];
    taken->keep = given->lists;
    if (!PyTuple_Size(clear))
        return 0;
    taken->remove = ++end;
    for (Py_ssize_t i = 0; i < loader_variables; i++)
        *end++ = ph_platform_loader_variables[i];
    return fill(end, clear) ? 0 : -1;
}

/* context is the address of a dict, which is made when there is something to put in. */
static int remember(void *context, const char *entry, size_t name_length)
{
    PyObject **dict = context;
    const char *value = entry[name_length] ? entry + name_length + 1 : entry + name_length;
    PyObject *key = PyBytes_FromStringAndSize(entry, (Py_ssize_t)name_length);
    PyObject *text = PyBytes_FromString(value);
    int failed;

    if (!*dict)
        *dict = PyDict_New();
    failed = !key || !text || !*dict;
    /* The first of several with one name is the one that getenv(3) finds. */
    if (!failed && !PyDict_GetItemWithError(*dict, key))
        failed = PyErr_Occurred() || PyDict_SetItem(*dict, key, text);
    Py_XDECREF(key);
    Py_XDECREF(text);
    return failed ? -1 : 0;
}

static int note_found(void *context, const char *entry, size_t name_length)
{
    (void)entry, (void)name_length;
    *(int *)context = 1;
    return 0;
}

static int is_live(const char *const *names, const char *const *keep)
{
    int found = 0;
    const struct ph_visitor visitor = {note_found, &found};

    /* This visitor never stops. */
    (void)ph_environment_visit(names, keep, &visitor);
    return found;
}

/* Makes *names a list of the keys of data (bytes, or str where a program
 * replaced os.environ) that the policy removes and the environment has no more. */
static int find_stale(PyObject *data, const struct ph_policy *policy, PyObject **names)
{
    PyObject *key, *value;
    Py_ssize_t position = 0;

    while (PyDict_Next(data, &position, &key, &value)) {
        PyObject *encoded =
            Py_IS_TYPE(key, &PyBytes_Type) ? key : PyUnicode_EncodeFSDefault(key);
        const char *name = encoded ? PyBytes_AsString(encoded) : NULL;
        const char *const alone[] = {name, NULL};
        int failed = !name;

        if (name && ph_environment_matches(name, policy->remove, policy->keep) &&
            !is_live(alone, NULL)) {
            if (!*names)
                *names = PyList_New(0);
            failed = !*names || PyList_Append(*names, key);
        }
        if (encoded != key)
            Py_XDECREF(encoded);
        if (failed)
            return -1;
    }
    return 0;
}

/* PyDict_Check calls into a page of Python that nothing else needs at start: its page fault
 * alone costs half as much as all the calls that harden. */
static int is_dict(PyObject *object)
{
    return Py_IS_TYPE(object, &PyDict_Type) || PyType_IsSubtype(Py_TYPE(object), &PyDict_Type);
}

/* The dict behind an os.environ: itself, where a program put a plain dict in its
 * place. Read directly, it is a hundred times faster than its public face, and it has had
 * this name in every version. Returns a new reference. */
static PyObject *data_of(PyObject *os_environ)
{
    PyObject *data = is_dict(os_environ) ? Py_NewRef(os_environ)
                                         : PyObject_GetAttrString(os_environ, "_data");

    if (data && !is_dict(data)) {
        PyErr_SetString(PyExc_TypeError, "os.environ is not the mapping that Python made");
        Py_CLEAR(data);
    }
    return data;
}

static int clean_data(PyObject *data, const struct ph_policy *policy)
{
    PyObject *names = NULL;
    int failed = find_stale(data, policy, &names);

    for (Py_ssize_t i = 0; !failed && names && i < PyList_Size(names); i++)
        failed = PyDict_DelItem(data, PyList_GetItem(names, i));
    Py_XDECREF(names);
    return failed ? -1 : 0;
}

/* os.environ and os.environb are copies that subprocesses are started with: takes the
 * variables out of them too, and out of what a program has put in the place of os.environ. */
static int clean_os_environ(struct state *state, const struct ph_policy *policy)
{
    PyObject *os_environ = PyObject_GetAttr(state->os, state->environ_name);
    int failed = !os_environ || clean_data(state->environ_data, policy);

    if (!failed && os_environ != state->os_environ) {
        PyObject *data = data_of(os_environ);

        failed = !data || clean_data(data, policy);
        Py_XDECREF(data);
    }
    Py_XDECREF(os_environ);
    return failed ? -1 : 0;
}

/* A tuple of str from the keys of a dict of bytes, which may be NULL. */
static PyObject *names_of(PyObject *dict)
{
    PyObject *names = PyTuple_New(dict ? PyDict_Size(dict) : 0);
    PyObject *key, *value;
    Py_ssize_t position = 0, i = 0;

    while (names && dict && PyDict_Next(dict, &position, &key, &value)) {
        PyObject *name =
            PyUnicode_DecodeFSDefaultAndSize(PyBytes_AsString(key), PyBytes_Size(key));

        if (!name || PyTuple_SetItem(names, i++, name))
            Py_CLEAR(names);
    }
    return names;
}

/* Sees to it that later children are hardened, when the policy asks for that. Returns what became
 * of it, an outcome's name, or NULL with an exception set. */
static PyObject *arrange_children(struct state *state, PyObject *policy)
{
    PyObject *function, *outcome;

    if (!policy)
        return Py_NewRef(state->outcomes[PH_SKIPPED]);
    function = ph_attribute_of(PACKAGE ".children", "arrange");
    outcome = function ? PyObject_CallFunctionObjArgs(function, policy, NULL) : NULL;
    Py_XDECREF(function);
    return outcome;
}

/* Takes over children, which may be NULL: then an exception is set. */
static PyObject *make_report(struct state *state, const struct ph_report *report,
                             PyObject *children, PyObject *removed)
{
    PyObject *names = children ? names_of(removed) : NULL;
    struct report_object *result =
        names ? PyObject_New(struct report_object, (PyTypeObject *)state->report_type) : NULL;

    if (!result) {
        Py_XDECREF(names);
        Py_XDECREF(children);
        return NULL;
    }
    for (int step = 0; step < PH_STEPS; step++)
        result->field[step] = Py_NewRef(state->outcomes[report->outcome[step]]);
    result->field[FIELD_CHILDREN] = children;
    result->field[FIELD_REMOVED] = names;
    result->field[FIELD_BYPASSED] = Py_NewRef(report->bypassed ? Py_True : Py_False);
    return (PyObject *)result;
}

/* Ends the process for a step that failed; an exception would have to import its type first. */
static void exit_for_failure(const struct ph_report *report, const struct ph_policy *policy)
{
    char line[PH_MESSAGE_SIZE];

    (void)ph_message(report, policy, line, sizeof line); /* NUL-terminated */
    ph_warn(line);
    ph_exit((int)report->failure.exit_code);
}

static PyObject *harden_as(struct state *state, const struct given *given, int or_exit)
{
    const struct ph_policy *policy = &given->policy;
    struct ph_report report;
    PyObject *removed = NULL;
    const struct ph_visitor visitor = {remember, &removed};
    PyObject *result = NULL;

    if (ph_harden(policy, &visitor, &report)) {
        if (!PyErr_Occurred() && or_exit)
            exit_for_failure(&report, policy);
        if (!PyErr_Occurred())
            ph_raise(&report.failure);
    } else if (report.outcome[PH_ENVIRONMENT] == PH_SKIPPED ||
               (!(removed && PyDict_Update(state->removed, removed)) &&
                !clean_os_environ(state, policy))) {
        PyObject *for_children = report.bypassed ? NULL : given->for_children;

        result = make_report(state, &report, arrange_children(state, for_children), removed);
    }
    if (result && report.bypassed && !state->warned) {
        char line[PH_MESSAGE_SIZE];

        /* NUL-terminated; the length is of no use here. */
        (void)ph_message(&report, policy, line, sizeof line);
        ph_warn(line);
        state->warned = 1;
    }
    Py_XDECREF(removed);
    return result;
}

/* Ends the process for the exception that is set: no caller can catch that. */
static void exit_for_exception(const char *bypass)
{
    char line[2 * PH_MESSAGE_SIZE];
    PyObject *type, *error, *traceback, *text, *code;
    const char *description;
    int status;

    PyErr_Fetch(&type, &error, &traceback);
    PyErr_NormalizeException(&type, &error, &traceback);
    code = error ? PyObject_GetAttrString(error, "exit_code") : NULL;
    status = code ? (int)PyLong_AsLong(code) : 2;
    PyErr_Clear();
    text = error ? PyObject_Str(error) : NULL;
    description = text ? PyUnicode_AsUTF8AndSize(text, NULL) : NULL;
    /* Without an exit code it is the caller's mistake, which the bypass does not mend. */
    (void)ph_last_words(description ? description : "hardening failed", status,
                        code ? bypass : NULL, line,
                        sizeof line); /* NUL-terminated; cut when too long */
    ph_warn(line);
    ph_exit(status);
}

/* Whether another process could have come in before this call. */
static int born_exposed(const struct ph_policy *policy)
{
    static const char *const injectors[] = {"LD_PRELOAD", "LD_AUDIT", NULL};
    struct ph_status now;

    ph_status(&now);
    return now.inspectable == 1 || is_live(injectors, policy->keep);
}

PyDoc_STRVAR(harden_doc,
             "harden(policy=None, /)\n--\n\n"
             "Take the steps of a policy in this process.\n\n"
             "policy -- a Policy; None means DEFAULT\n\n"
             "Returns a Report. Raises HardeningError for the first step that fails; the steps\n"
             "before it stay. Raises TypeError when policy is no Policy, before any step.");

static PyObject *harden(PyObject *module, PyObject *args)
{
    struct state *state = PyModule_GetState(module);
    PyObject *policy = Py_None;
    PyObject *report = NULL;
    struct given given = {0};

    if (PyArg_ParseTuple(args, "|O:harden", &policy) && !take_policy(state, policy, &given))
        report = harden_as(state, &given, 0);
    release(&given);
    return report;
}

PyDoc_STRVAR(pre_main_hardening_doc,
             "pre_main_hardening(policy=None, *, reexec=False)\n--\n\n"
             "Harden this process, or end it: the first statement of main().\n\n"
             "policy -- a Policy; None means DEFAULT\n"
             "reexec -- start the program again as an execute-only image when it was born\n"
             "          dumpable or with a library injected (Linux; elsewhere ignored)\n\n"
             "Returns a Report. When a step fails, prints one line to standard error and ends\n"
             "the process at once with status 5 (inspection), 6 (ptrace), 7 (core limit),\n"
             "8 (environment) or 2 (wrong arguments); nothing can catch that.\n"
             "CODEX_SKIP_HARDENING=1 in the environment skips everything, with a warning.");

/* Starts the program again as an execute-only image. Returns only when it goes on here: 0
 * where the system has no such thing, or -1 with an exception set. */
static int start_again(void)
{
    PyObject *function = ph_attribute_of(PACKAGE ".launch.again", "start_again");
    PyObject *done = function ? PyObject_CallNoArgs(function) : NULL;

    Py_XDECREF(done);
    Py_XDECREF(function);
    return done ? 0 : -1;
}

static PyObject *pre_main_hardening(PyObject *module, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"policy", "reexec", NULL};
    struct state *state = PyModule_GetState(module);
    struct given given = {{0, 0, NULL, NULL, PH_BYPASS_VARIABLE}, NULL, NULL, NULL};
    PyObject *policy = Py_None;
    PyObject *report = NULL;
    int reexec = 0;
    int exposed;
    int failed = (keywords || PyTuple_Size(args)) &&
                 !PyArg_ParseTupleAndKeywords(args, keywords, "|O$p:pre_main_hardening", names,
                                              &policy, &reexec);

    failed = failed || take_policy(state, policy, &given);
    exposed = !failed && reexec && !ph_bypassed(&given.policy) && born_exposed(&given.policy);
    if (!failed)
        report = harden_as(state, &given, 1);
    if (report && exposed && start_again())
        Py_CLEAR(report);
    if (!report)
        exit_for_exception(given.policy.bypass);
    release(&given);
    return report;
}

/* What the start-up hook (hook.py) calls in every Python of its environment. In C, because each
 * module more would cost every start as much as the hardening. Never raises: `site` would go on. */
static PyObject *harden_interpreter(PyObject *module, int on_request)
{
    static const char *const request[] = {PH_CHILDREN_VARIABLE "=1", NULL};
    static const char *const kept[] = {PH_KEEP_VARIABLE, NULL};
    static const char *const nothing_kept[] = {PH_KEEP_VARIABLE "=", NULL};
    struct state *state = PyModule_GetState(module);
    int requested = is_live(request, NULL);
    PyObject *no_arguments = PyTuple_New(0);
    PyObject *function, *report = NULL;

    if (!no_arguments ||
        PyModule_AddStringConstant(module, "_hook", on_request ? "on_request" : "always"))
        exit_for_exception(PH_BYPASS_VARIABLE);
    if (on_request && !requested) {
        report = Py_NewRef(Py_None);
    } else if (requested && (!is_live(state->keep, NULL) || is_live(kept, nothing_kept))) {
        function = ph_attribute_of(PACKAGE ".children", "harden_as_requested");
        report = function ? PyObject_CallNoArgs(function) : NULL;
        Py_XDECREF(function);
    } else {
        report = pre_main_hardening(module, no_arguments, NULL);
    }
    if (!report)
        exit_for_exception(PH_BYPASS_VARIABLE);
    Py_XDECREF(no_arguments);
    return report;
}

PyDoc_STRVAR(harden_always_doc, "_harden_always()\n--\n\n"
                                "Harden this interpreter, or end it: the start-up hook.");

static PyObject *harden_always(PyObject *module, PyObject *unused)
{
    (void)unused;
    return harden_interpreter(module, 0);
}

PyDoc_STRVAR(harden_on_request_doc,
             "_harden_on_request()\n--\n\n"
             "The same below a program that has its children hardened; else do nothing.");

static PyObject *harden_on_request(PyObject *module, PyObject *unused)
{
    (void)unused;
    return harden_interpreter(module, 1);
}

PyDoc_STRVAR(status_doc, "_status()\n--\n\n"
                         "(dumpable, inspectable, no_new_privs, sealed, tracer_pid, core limit or\n"
                         "None, names of live loader variables), with -1 for what is not known.");

static PyObject *status(PyObject *module, PyObject *unused)
{
    struct state *state = PyModule_GetState(module);
    struct ph_status now;
    PyObject *variables = NULL;
    const struct ph_visitor visitor = {remember, &variables};
    PyObject *names, *limit;

    (void)unused;
    ph_status(&now);
    names = ph_environment_visit(NULL, state->keep, &visitor) ? NULL : names_of(variables);
    Py_XDECREF(variables);
    if (!names)
        return NULL;
    limit = now.core_known ? Py_BuildValue("(KK)", (unsigned long long)now.core_soft,
                                           (unsigned long long)now.core_hard)
                           : Py_NewRef(Py_None);
    return Py_BuildValue("(iiiiLNN)", now.dumpable, now.inspectable, now.no_new_privs, now.sealed,
                         (long long)now.tracer_pid, limit, names);
}

static int append_entry(void *context, const char *entry, size_t name_length)
{
    PyObject *bytes = PyBytes_FromString(entry);
    int failed = !bytes || PyList_Append(context, bytes);

    (void)name_length;
    Py_XDECREF(bytes);
    return failed ? -1 : 0;
}

PyDoc_STRVAR(initial_environment_doc,
             "_initial_environment()\n--\n\n"
             "The entries (bytes) that this process was started with, less what was wiped.");

static PyObject *initial_environment(PyObject *module, PyObject *unused)
{
    PyObject *entries = PyList_New(0);
    const struct ph_visitor visitor = {append_entry, entries};
    struct ph_failure failure;

    (void)module, (void)unused;
    if (entries && ph_environment_initial(&visitor, &failure)) {
        if (failure.call)
            ph_raise(&failure);
        Py_CLEAR(entries);
    }
    return entries;
}

PyDoc_STRVAR(removed_doc, "_removed()\n--\n\n"
                          "What harden() took out so far: names to values, both bytes.");

static PyObject *removed(PyObject *module, PyObject *unused)
{
    struct state *state = PyModule_GetState(module);

    (void)unused;
    return PyDict_Copy(state->removed);
}

/* context is the address of a pointer, which is set to the first value. */
static int find_value(void *context, const char *entry, size_t name_length)
{
    const char **value = context;

    if (!*value)
        *value = entry + name_length + (entry[name_length] != '\0');
    return 0;
}

static void wipe(const char *bytes, size_t length)
{
    /* volatile: nothing reads the bytes again, so a compiler could leave this out. */
    volatile char *byte = (char *)(uintptr_t)bytes;

    for (size_t i = 0; i < length; i++)
        byte[i] = '\0';
}

/* What setenv(3) laid elsewhere than in the initial block: nothing will point to it any more. */
static int wipe_value(void *unused, const char *entry, size_t name_length)
{
    const char *value = entry + name_length + (entry[name_length] != '\0');

    (void)unused;
    wipe(value, strlen(value));
    return 0;
}

static int pass_over(void *unused, const char *entry, size_t name_length)
{
    (void)unused, (void)entry, (void)name_length;
    return 0;
}

/* Python's own copy of a value, once nobody else has it, is wiped before it is freed. */
static int wipe_python_copy(struct state *state, PyObject *name)
{
    PyObject *value = PyDict_GetItemWithError(state->environ_data, name);
    int failed;

    if (!value)
        return PyErr_Occurred() ? -1 : 0;
    Py_INCREF(value);
    failed = PyDict_DelItem(state->environ_data, name);
    if (!failed && PyBytes_Check(value) && Py_REFCNT(value) == 1)
        wipe(PyBytes_AsString(value), (size_t)PyBytes_Size(value));
    Py_DECREF(value);
    return failed;
}

/* Returns make(memoryview of a copy of value); whoever keeps the view sees zeroes in it then. */
static PyObject *make_of(const char *value, PyObject *make)
{
    PyObject *copy = PyByteArray_FromStringAndSize(value, (Py_ssize_t)strlen(value));
    PyObject *view = copy ? PyMemoryView_FromObject(copy) : NULL;
    PyObject *made = view ? PyObject_CallFunctionObjArgs(make, view, NULL) : NULL;

    if (copy)
        wipe(PyByteArray_AsString(copy), (size_t)PyByteArray_Size(copy));
    Py_XDECREF(view);
    Py_XDECREF(copy);
    return made;
}

PyDoc_STRVAR(take_variable_doc,
             "_take_variable(name, make, /)\n--\n\n"
             "Take a variable (bytes) out of the environment, and wipe it wherever it lay.\n\n"
             "Returns make(memoryview of its value), or None when there is none; what lay in the\n"
             "initial block is wiped then too. Whatever it or make raises, the variable stays.");

static PyObject *take_variable(PyObject *module, PyObject *args)
{
    struct state *state = PyModule_GetState(module);
    PyObject *name, *make, *held, *made = NULL;
    const char *value = NULL, *remove[2] = {NULL, NULL};
    const struct ph_visitor find = {find_value, &value}, wipe = {wipe_value, NULL};
    const struct ph_visitor look = {pass_over, NULL};
    const struct ph_policy policy = {PH_BIT(PH_ENVIRONMENT), 0, remove, NULL, NULL};
    struct ph_report report;

    if (!PyArg_ParseTuple(args, "SO:_take_variable", &name, &make))
        return NULL;
    remove[0] = PyBytes_AsString(name);
    /* Before anything is changed: where the initial block is hidden, it cannot be wiped. */
    if (ph_environment_initial(&look, &report.failure)) {
        ph_raise(&report.failure);
        return NULL;
    }
    (void)ph_environment_visit(remove, NULL, &find); /* this visitor never stops */
    held = PyDict_GetItemWithError(state->environ_data, name);
    if (!value && held)
        value = PyBytes_AsString(held);
    if (PyErr_Occurred() || (value && !(made = make_of(value, make))))
        return NULL;
    if (ph_harden(&policy, &wipe, &report))
        ph_raise(&report.failure);
    else if (!wipe_python_copy(state, name) && !clean_os_environ(state, &policy))
        return made ? made : Py_NewRef(Py_None);
    Py_XDECREF(made);
    return NULL;
}

/* A NULL-terminated array that borrows from a tuple of bytes; free with PyMem_Free. */
static const char **borrow(PyObject *tuple)
{
    const char **array = PyMem_Calloc((size_t)PyTuple_Size(tuple) + 1, sizeof *array);

    if (!array) {
        PyErr_NoMemory();
        return NULL;
    }
    if (!fill(array, tuple)) {
        PyMem_Free(array);
        return NULL;
    }
    return array;
}

PyDoc_STRVAR(exec_image_doc,
             "_exec_image(fd, name, argv, env, /)\n--\n\n"
             "Become the ELF image that fd reads, as an execute-only image.\n\n"
             "fd -- a descriptor at the image's first byte; name -- bytes, for memfd:NAME;\n"
             "argv, env -- tuples of bytes. Raises HardeningError; else does not return.");

static PyObject *exec_image(PyObject *module, PyObject *args)
{
    const char *name;
    PyObject *argv, *env;
    const char **arguments, **entries;
    struct ph_failure failure;
    int fd;

    (void)module;
    if (!PyArg_ParseTuple(args, "iyO!O!:_exec_image", &fd, &name, &PyTuple_Type, &argv,
                          &PyTuple_Type, &env))
        return NULL;
    arguments = borrow(argv);
    entries = arguments ? borrow(env) : NULL;
    if (entries) {
        ph_exec_image(fd, name, (char *const *)(uintptr_t)arguments,
                      (char *const *)(uintptr_t)entries, &failure);
        ph_raise(&failure);
    }
    PyMem_Free(entries);
    PyMem_Free(arguments);
    return NULL;
}

PyDoc_STRVAR(exec_file_doc,
             "_exec_file(path, argv, env, /)\n--\n\n"
             "Become the program at path (bytes): an ordinary exec, but for an env that need not\n"
             "be a mapping. argv, env -- tuples of bytes. Raises OSError; else does not return.");

static PyObject *exec_file(PyObject *module, PyObject *args)
{
    const char *path;
    PyObject *argv, *env;
    const char **arguments, **entries;

    (void)module;
    if (!PyArg_ParseTuple(args, "yO!O!:_exec_file", &path, &PyTuple_Type, &argv, &PyTuple_Type,
                          &env))
        return NULL;
    arguments = borrow(argv);
    entries = arguments ? borrow(env) : NULL;
    if (entries) {
        /* Returns on failure only. */
        (void)execve(path, (words)(uintptr_t)arguments, (words)(uintptr_t)entries);
        PyErr_SetFromErrnoWithFilename(PyExc_OSError, path);
    }
    PyMem_Free(entries);
    PyMem_Free(arguments);
    return NULL;
}

#ifdef SIGXFSZ
static void pass_over_signal(int number)
{
    (void)number;
}
#endif

PyDoc_STRVAR(restore_signals_doc,
             "_restore_signals()\n--\n\n"
             "Undo what Python ignores at its start: exec would pass that on to the program.");

static PyObject *restore_signals(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
#ifdef SIGPIPE
    /* What was in place is of no interest: the process becomes another program. */
    (void)PyOS_setsig(SIGPIPE, SIG_DFL);
#endif
#ifdef SIGXFSZ
    /* exec makes it SIG_DFL; until then the copy of an image may be larger than `ulimit -f`. */
    (void)PyOS_setsig(SIGXFSZ, pass_over_signal);
#endif
    Py_RETURN_NONE;
}

static PyObject *all_names(void)
{
    PyObject *names = PyList_New(0);

    for (size_t i = 0; names && i < COUNT(lazy_names) + COUNT(native_names); i++) {
        PyObject *name = PyUnicode_FromString(i < COUNT(native_names)
                                                  ? native_names[i]
                                                  : lazy_names[i - COUNT(native_names)].name);

        if (!name || PyList_Append(names, name))
            Py_CLEAR(names);
        Py_XDECREF(name);
    }
    return names;
}

/* Module __getattr__ (PEP 562): called for what is not there yet. */
static PyObject *lazy_attribute(PyObject *module, PyObject *name)
{
    const char *wanted = PyUnicode_AsUTF8AndSize(name, NULL);

    if (!wanted)
        return NULL;
    if (!strcmp(wanted, "__all__"))
        return all_names();
    for (size_t i = 0; i < COUNT(lazy_names); i++) {
        if (!strcmp(wanted, lazy_names[i].name)) {
            PyObject *value = ph_attribute_of(lazy_names[i].module, wanted);

            if (value && PyObject_SetAttr(module, name, value))
                Py_CLEAR(value);
            return value;
        }
    }
    return PyErr_Format(PyExc_AttributeError, "module '" PACKAGE "' has no attribute %R", name);
}

static PyObject *directory(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return all_names();
}

static PyMethodDef methods[] = {
    {"harden", harden, METH_VARARGS, harden_doc},
    {"pre_main_hardening", (PyCFunction)(void (*)(void))pre_main_hardening,
     METH_VARARGS | METH_KEYWORDS, pre_main_hardening_doc},
    {"_harden_always", harden_always, METH_NOARGS, harden_always_doc},
    {"_harden_on_request", harden_on_request, METH_NOARGS, harden_on_request_doc},
    {"_status", status, METH_NOARGS, status_doc},
    {"_initial_environment", initial_environment, METH_NOARGS, initial_environment_doc},
    {"_removed", removed, METH_NOARGS, removed_doc},
    {"_take_variable", take_variable, METH_VARARGS, take_variable_doc},
    {"_restore_signals", restore_signals, METH_NOARGS, restore_signals_doc},
    {"_exec_image", exec_image, METH_VARARGS, exec_image_doc},
    {"_exec_file", exec_file, METH_VARARGS, exec_file_doc},
    {"__getattr__", lazy_attribute, METH_O, NULL},
    {"__dir__", directory, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* "LD_PRELOAD=" and the library that stands beside this extension. */
static PyObject *preload_entry_for(PyObject *module)
{
    PyObject *file = PyModule_GetFilenameObject(module);
    PyObject *encoded = file ? PyUnicode_EncodeFSDefault(file) : NULL;
    const char *path = encoded ? PyBytes_AsString(encoded) : NULL;
    const char *slash = path ? strrchr(path, '/') : NULL;
    size_t folder = slash ? (size_t)(slash + 1 - path) : 0;
    PyObject *entry = NULL;
    char *to;

    if (path)
        entry = PyBytes_FromStringAndSize(
            NULL, (Py_ssize_t)(strlen(PRELOAD_PREFIX) + folder + strlen(PRELOAD_FILE)));
    if (entry) {
        to = PyBytes_AsString(entry);
        memcpy(to, PRELOAD_PREFIX, strlen(PRELOAD_PREFIX));
        memcpy(to + strlen(PRELOAD_PREFIX), path, folder);
        memcpy(to + strlen(PRELOAD_PREFIX) + folder, PRELOAD_FILE, strlen(PRELOAD_FILE));
    }
    Py_XDECREF(encoded);
    Py_XDECREF(file);
    return entry;
}

static int execute(PyObject *module)
{
    struct state *state = PyModule_GetState(module);
    PyObject *bytes_environ;

    for (size_t i = 0; i < COUNT(outcome_names); i++)
        if (!(state->outcomes[i] = PyUnicode_InternFromString(outcome_names[i])))
            return -1;
    state->report_type = PyType_FromModuleAndSpec(module, &report_spec, NULL);
    state->removed = PyDict_New();
    state->os = PyImport_ImportModule("os");
    state->environ_name = PyUnicode_InternFromString("environ");
    if (!state->report_type || !state->removed || !state->os || !state->environ_name)
        return -1;
    state->os_environ = PyObject_GetAttr(state->os, state->environ_name);
    if (!state->os_environ)
        return -1;
    bytes_environ = PyObject_GetAttrString(state->os, "environb");
    if (!bytes_environ) { /* Windows, where there is nothing to remove */
        PyErr_Clear();
        bytes_environ = Py_NewRef(state->os_environ);
    }
    state->environ_data = data_of(bytes_environ);
    /* A program has put something else in its place already. */
    if (Py_TYPE(state->os_environ) != Py_TYPE(bytes_environ))
        Py_CLEAR(state->os_environ);
    Py_DECREF(bytes_environ);
    state->preload_entry = preload_entry_for(module);
    if (!state->environ_data || !state->preload_entry)
        return -1;
    state->keep[0] = PyBytes_AsString(state->preload_entry);
    if (PyModule_AddObjectRef(module, "Report", state->report_type) ||
        PyModule_AddObjectRef(module, "_preload_entry", state->preload_entry) ||
        PyModule_AddStringConstant(module, "_children_variable", PH_CHILDREN_VARIABLE) ||
        PyModule_AddStringConstant(module, "_keep_variable", PH_KEEP_VARIABLE) ||
        PyModule_AddStringConstant(module, "_hook", "") ||
        PyModule_AddStringConstant(module, "__version__", PH_VERSION))
        return -1;
    return 0;
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    struct state *state = PyModule_GetState(module);

    Py_VISIT(state->report_type);
    Py_VISIT(state->os);
    Py_VISIT(state->os_environ);
    Py_VISIT(state->environ_data);
    Py_VISIT(state->removed);
    return 0;
}

static int clear(PyObject *module)
{
    struct state *state = PyModule_GetState(module);

    for (size_t i = 0; i < COUNT(outcome_names); i++)
        Py_CLEAR(state->outcomes[i]);
    Py_CLEAR(state->report_type);
    Py_CLEAR(state->os);
    Py_CLEAR(state->environ_name);
    Py_CLEAR(state->os_environ);
    Py_CLEAR(state->environ_data);
    Py_CLEAR(state->removed);
    Py_CLEAR(state->preload_entry);
    return 0;
}

static void destroy(void *module)
{
    /* Always 0. */
    (void)clear(module);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)(uintptr_t)execute},
    {0, NULL},
};

PyDoc_STRVAR(package_doc,
             "Harden a process: no debugger, no core dump, no injected library.\n\n"
             "    import process_hardening as ph\n"
             "    ph.pre_main_hardening()   # the first statement of main()\n");

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, PACKAGE "._native", package_doc, sizeof(struct state), methods, slots,
    traverse,              clear,    destroy,
};

PyMODINIT_FUNC PyInit__native(void);
PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&definition);
}
