/* Hardens a dynamically linked program before its main(), through LD_PRELOAD.
 * Linked without libc, so that one file serves glibc and musl programs. */
#include "core/hardening.h"

#define PRELOAD_VARIABLE "LD_PRELOAD"
#define KEEP_SIZE 1024
#define KEEP_MOST 32

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

/* Whether LD_PRELOAD names one library alone: then it is this one. musl splits at any space. */
static int is_alone(const char *entry)
{
    for (; *entry; entry++)
        if (*entry == ':' || *entry == ' ' || (*entry >= '\t' && *entry <= '\r'))
            return 0;
    return 1;
}

/* Writes the patterns of a list into text and their places into patterns; returns how many.
 * What does not fit is not kept. */
static size_t split(const char *list, char text[KEEP_SIZE], const char *patterns[KEEP_MOST])
{
    size_t count = 0, length = 0;

    for (int begins = 1; *list && length + 1 < KEEP_SIZE; list++) {
        if (begins && count == KEEP_MOST)
            break;
        if (begins)
            patterns[count++] = text + length;
        begins = *list == ':';
        text[length++] = begins ? '\0' : *list;
    }
    text[length] = '\0';
    return count;
}

/* glibc passes the three arguments; musl has set environ and passes none. */
__attribute__((constructor)) static void harden_before_main(int argc, char **argv, char **envp)
{
    static const char *const remove[] = {"LD_*", PH_KEEP_VARIABLE, NULL};
    const char *preload, *list;
    const char *keep[KEEP_MOST + 3];
    char text[KEEP_SIZE];
    size_t count = 0;
    static const char *const own[] = {PRELOAD_VARIABLE, NULL};
    struct ph_policy policy = {PH_DEFAULT_STEPS, 0, remove, keep, PH_BYPASS_VARIABLE};
    const struct ph_policy alone = {PH_BIT(PH_ENVIRONMENT), 0, own, NULL, PH_BYPASS_VARIABLE};
    int stays;
    struct ph_report report;
    char message[PH_MESSAGE_SIZE];
    int status;

    (void)argc, (void)argv;
    ph_environment_adopt(envp);
    list = find(PH_KEEP_VARIABLE);
    if (list)
        count = split(list + sizeof PH_KEEP_VARIABLE, text, keep);
    preload = find(PRELOAD_VARIABLE);
    stays = preload && is_alone(preload) && find(PH_CHILDREN_VARIABLE "=1");
    if (stays) {
        keep[count++] = preload;
        keep[count++] = PH_KEEP_VARIABLE;
    }
    keep[count] = NULL;
    status = ph_harden(&policy, NULL, &report);
    /* Whatever list says: it was this library that LD_PRELOAD asked for. */
    if (!status && !report.bypassed && !stays)
        status = ph_harden(&alone, NULL, &report);
    if (!status && !report.bypassed)
        return;
    /* The text ends in its NUL; its length is of no use to ph_warn(). */
    (void)ph_message(&report, &policy, message, sizeof message);
    ph_warn(message);
    if (status)
        ph_exit(status);
}
