/* Hardens a dynamically linked program before its main(), through LD_PRELOAD.
 * Linked without libc, so that one file serves glibc and musl programs. */
#include "hardening.h"

/* Set by `run --children`: the library stays in LD_PRELOAD, for the children too. */
#define CHILDREN_VARIABLE "PROCESS_HARDENING_CHILDREN"
#define PRELOAD_VARIABLE "LD_PRELOAD"

/* Compilers call it even in a freestanding build. Hidden, or the next library's would be called. */
void *memset(void *to, int byte, size_t size);
void *memset(void *to, int byte, size_t size)
{
    /* volatile, or a compiler makes this loop a call of memset(). */
    for (volatile char *at = to; size; size--)
        *at++ = (char)byte;
    return to;
}

struct entry {
    const char *found;
};

static int keep_last(void *context, const char *entry, size_t name_length)
{
    (void)name_length;
    ((struct entry *)context)->found = entry;
    return 0;
}

/* The entry "NAME=VALUE", or NULL. */
static const char *find(const char *name)
{
    const char *const names[] = {name, NULL};
    struct entry entry = {NULL};
    const struct ph_visitor visitor = {keep_last, &entry};

    /* The visitor above never stops. */
    (void)ph_environment_visit(names, NULL, &visitor);
    return entry.found;
}

/* Whether LD_PRELOAD names one library alone: then it is this one. */
static int is_alone(const char *entry)
{
    for (; *entry; entry++)
        if (*entry == ':' || *entry == ' ')
            return 0;
    return 1;
}

/* glibc passes the three arguments; musl has set environ and passes none. */
__attribute__((constructor)) static void harden_before_main(int argc, char **argv, char **envp)
{
    const char *preload;
    const char *keep[] = {NULL, NULL};
    struct ph_policy policy = {PH_DEFAULT_STEPS, 0, NULL, keep, PH_BYPASS_VARIABLE};
    struct ph_report report;
    char message[PH_MESSAGE_SIZE];
    int status;

    (void)argc, (void)argv;
    ph_environment_adopt(envp);
    preload = find(PRELOAD_VARIABLE);
    if (preload && is_alone(preload) && find(CHILDREN_VARIABLE "=1"))
        keep[0] = preload;
    status = ph_harden(&policy, NULL, &report);
    if (!status && !report.bypassed)
        return;
    /* The text ends in its NUL; its length is of no use to ph_warn(). */
    (void)ph_message(&report, &policy, message, sizeof message);
    ph_warn(message);
    if (status)
        ph_exit(status);
}
