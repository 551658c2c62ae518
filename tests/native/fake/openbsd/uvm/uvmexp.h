#define VM_PSSTRINGS 3

struct _ps_strings {
    void *val;
};
