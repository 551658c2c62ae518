/* The extension _secret_memory: the base class of process_hardening.SecretBuffer, which gives
 * access to the pages of secret.h through the buffer protocol. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "../interpreters.h"
#include "secret.h"

#include <structmember.h>

#if defined Py_LIMITED_API && Py_LIMITED_API + 0 < 0x030b0000
/* The buffer protocol joined the stable ABI in 3.11, unchanged from 3.10 and earlier.
 * Source: bpo-45459; Include/cpython/object.h and Include/typeslots.h of 3.10. */
typedef struct {
    void *buf;
    PyObject *obj;
    Py_ssize_t len;
    Py_ssize_t itemsize;
    int readonly;
    int ndim;
    char *format;
    Py_ssize_t *shape;
    Py_ssize_t *strides;
    Py_ssize_t *suboffsets;
    void *internal;
} Py_buffer;
#define Py_bf_getbuffer 1
#define Py_bf_releasebuffer 2
#define PyBUF_FORMAT 0x0004
#define PyBUF_ND 0x0008
#define PyBUF_STRIDES (0x0010 | PyBUF_ND)
#endif

struct memory_object {
    PyObject_HEAD
    struct ph_secret secret;
    Py_ssize_t length;  /* number of bytes in use; the pages may have room for more */
    Py_ssize_t exports; /* number of memoryviews and other users of the address */
    PyObject *protection;
};

static const char *const protections[] = {"memfd_secret", "mlock"};

static struct memory_object *of(PyObject *self)
{
    return (struct memory_object *)self;
}

static PyObject *memory_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);

    (void)args, (void)keywords; /* are for __init__ */
    return allocate(type, 0);
}

PyDoc_STRVAR(take_doc, "_take(length, kind, /)\n--\n\n"
                       "Allocate length zeroed bytes. Raises OSError.\n\n"
                       "kind -- -1: the best available; 0: memfd_secret; 1: mlock");

static PyObject *memory_take(PyObject *self, PyObject *args)
{
    Py_ssize_t length;
    int kind;

    if (!PyArg_ParseTuple(args, "ni:_take", &length, &kind))
        return NULL;
    if (of(self)->protection)
        return PyErr_Format(PyExc_ValueError, "the SecretBuffer already has its bytes");
    if (ph_secret_take((size_t)length, (enum ph_secret_kind)kind, &of(self)->secret))
        return PyErr_SetFromErrno(PyExc_OSError);
    of(self)->length = length;
    of(self)->protection = PyUnicode_FromString(protections[of(self)->secret.kind]);
    return of(self)->protection ? Py_NewRef(Py_None) : NULL;
}

PyDoc_STRVAR(close_doc,
             "close()\n--\n\n"
             "Zero the bytes and free the memory. Further calls do nothing.\n\n"
             "A forked child leaves the bytes as they are: they belong to its parent.\n"
             "While a memoryview of the buffer is open, raises BufferError and changes nothing.");

static PyObject *memory_close(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (of(self)->exports)
        return PyErr_Format(PyExc_BufferError,
                            "a memoryview of the SecretBuffer is open: release it, then close");
    if (of(self)->secret.start)
        ph_secret_give_back(&of(self)->secret);
    Py_RETURN_NONE;
}

static int is_open(PyObject *self)
{
    if (!of(self)->secret.start)
        PyErr_SetString(PyExc_ValueError, "the SecretBuffer is closed");
    return of(self)->secret.start != NULL;
}

static int memory_get_buffer(PyObject *self, Py_buffer *view, int flags)
{
    if (!is_open(self)) {
        view->obj = NULL;
        return -1;
    }
    *view = (Py_buffer){.buf = of(self)->secret.start, .obj = Py_NewRef(self), .itemsize = 1,
                        .len = of(self)->length, .ndim = 1};
    if (flags & PyBUF_FORMAT)
        view->format = (char *)(uintptr_t)"B";
    if ((flags & PyBUF_ND) == PyBUF_ND)
        view->shape = &of(self)->length;
    if ((flags & PyBUF_STRIDES) == PyBUF_STRIDES)
        view->strides = &view->itemsize;
    of(self)->exports++;
    return 0;
}

static void memory_release_buffer(PyObject *self, Py_buffer *view)
{
    (void)view;
    of(self)->exports--;
}

static Py_ssize_t memory_length(PyObject *self)
{
    return is_open(self) ? of(self)->length : -1;
}

/* int() and float() would parse the bytes, and quote them in their error. */
static PyObject *memory_refuse_number(PyObject *self)
{
    (void)self;
    return PyErr_Format(PyExc_TypeError, "a SecretBuffer is not a number: decode it first");
}

static PyObject *memory_closed(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(!of(self)->secret.start);
}

static void memory_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

    if (of(self)->secret.start)
        ph_secret_give_back(&of(self)->secret);
    Py_XDECREF(of(self)->protection);
    release(self);
    Py_DECREF(type);
}

static PyMethodDef memory_methods[] = {
    {"_take", memory_take, METH_VARARGS, take_doc},
    {"close", memory_close, METH_NOARGS, close_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef memory_properties[] = {
    {"closed", memory_closed, NULL, "whether close() was called", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef memory_members[] = {
    {"protection", T_OBJECT, offsetof(struct memory_object, protection), READONLY,
     "'memfd_secret': no other process can read it, not even root's; 'mlock': it is only kept out"
     " of swap and core dumps"},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot memory_slots[] = {
    {Py_tp_new, (void *)(uintptr_t)memory_new},
    {Py_tp_dealloc, (void *)(uintptr_t)memory_dealloc},
    {Py_tp_methods, memory_methods},
    {Py_tp_getset, memory_properties},
    {Py_tp_members, memory_members},
    {Py_nb_int, (void *)(uintptr_t)memory_refuse_number},
    {Py_nb_float, (void *)(uintptr_t)memory_refuse_number},
    {Py_sq_length, (void *)(uintptr_t)memory_length},
    {Py_bf_getbuffer, (void *)(uintptr_t)memory_get_buffer},
    {Py_bf_releasebuffer, (void *)(uintptr_t)memory_release_buffer},
    {0, NULL},
};

static PyType_Spec memory_spec = {"process_hardening._secret_memory.SecretMemory", sizeof(struct memory_object), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, memory_slots};

static int execute(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &memory_spec, NULL);
    int failed = !type || PyModule_AddObjectRef(module, "SecretMemory", type);

    Py_XDECREF(type);
    return failed ? -1 : 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)(uintptr_t)execute},
    {0, NULL},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "process_hardening._secret_memory", NULL, 0, NULL, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__secret_memory(void);
PyMODINIT_FUNC PyInit__secret_memory(void)
{
    ph_allow_interpreters(&slots[1]);
    return PyModuleDef_Init(&definition);
}
