/* The LD_PRELOAD library: hardens a dynamically linked program before main().
 * Built without libc, so that the same file works in glibc and musl programs. */
#include "core/hardening.h"

#define PRELOAD_VARIABLE "LD_PRELOAD"
#define KEEP_SIZE 1024
#define KEEP_PATTERNS 32

/* Compilers emit calls to memset() even in a freestanding build. Hidden, so that the definition
 * of another library is not called instead. */
void *memset(void *to, int byte, size_t size);
void *memset(void *to, int byte, size_t size)
{
    /* volatile, since the compiler may turn the loop into a call to memset(). */
    for (volatile char *at = to; size; size--)
        *at++ = (char)byte;
    return to;
}

static int store_entry(void *context, const char *entry, size_t name_length)
{
    (void)name_length;
    *(const char **)context = entry;
    return 0;
}

/* Returns the variable's entry "NAME=VALUE", or NULL. name may be a pattern. */
static const char *find_variable(const char *name)
{
    const char *const names[] = {name, NULL};
    const char *entry = NULL;
    const struct ph_visitor visitor = {store_entry, &entry};

    /* Returns 0, as store_entry() never stops. */
    (void)ph_environment_visit(names, NULL, &visitor);
    return entry;
}

/* Whether LD_PRELOAD lists only one library, which is then this one. musl splits at white space. */
static int lists_one_library(const char *entry)
{
    for (; *entry; entry++)
        if (*entry == ':' || *entry == ' ' || (*entry >= '\t' && *entry <= '\r'))
            return 0;
    return 1;
}

/* Splits list at ":" into patterns, which point into text. Returns their number. Patterns that
 * do not fit are dropped, so their variables are removed. */
static size_t split_patterns(const char *list, char text[KEEP_SIZE],
                             const char *patterns[KEEP_PATTERNS])
{
    size_t count = 0, length = 0;

    for (int begins = 1; *list && length + 1 < KEEP_SIZE; list++) {
        if (begins && count == KEEP_PATTERNS)
            break;
        if (begins)
            patterns[count++] = text + length;
        begins = *list == ':';
        text[length++] = begins ? '\0' : *list;
    }
    text[length] = '\0';
    return count;
}

/* glibc passes three arguments. musl passes none, but has set environ. */
__attribute__((constructor)) static void harden_before_main(int argc, char **argv, char **envp)
{
    static const char *const remove[] = {"LD_*", PH_KEEP_VARIABLE, NULL};
    static const char *const own[] = {PRELOAD_VARIABLE, NULL};
    const char *preload, *list;
    const char *keep[KEEP_PATTERNS + 3];
    char text[KEEP_SIZE];
    size_t count = 0;
    const struct ph_policy policy = {PH_DEFAULT_STEPS, 0, remove, keep, PH_BYPASS_VARIABLE};
    const struct ph_policy no_preload = {PH_BIT(PH_ENVIRONMENT), 0, own, NULL, PH_BYPASS_VARIABLE};
    int stays;
    struct ph_report report;
    char message[PH_MESSAGE_SIZE];
    int status;

    (void)argc, (void)argv;
    ph_environment_adopt(envp);
    list = find_variable(PH_KEEP_VARIABLE);
    if (list)
        count = split_patterns(list + sizeof PH_KEEP_VARIABLE, text, keep);
    preload = find_variable(PRELOAD_VARIABLE);
    stays = preload && lists_one_library(preload) && find_variable(PH_CHILDREN_VARIABLE "=1");
    if (stays) {
        keep[count++] = preload;
        keep[count++] = PH_KEEP_VARIABLE;
    }
    keep[count] = NULL;
    status = ph_harden(&policy, NULL, &report);
    /* PH_KEEP_VARIABLE cannot keep the LD_PRELOAD that loaded this library. */
    if (!status && !report.bypassed && !stays)
        status = ph_harden(&no_preload, NULL, &report);
    if (!status && !report.bypassed)
        return;
    ph_message(&report, &policy, message, sizeof message);
    ph_warn(message);
    if (status)
        ph_exit(status);
}
