/* Finds our library, and writes the variables that load it and tell it what to do. */
#define _GNU_SOURCE
#include "library.h"

#include "../core/hardening.h"
#include "../core/text.h"
#include "../preload/target.h"

#include <unistd.h>

#define PRELOAD "LD_PRELOAD="

static char library[PH_PATH], runtime[PH_RUNTIME];

static int is_readable(const char *path)
{
    return !ph_syscall(SYS_faccessat, AT_FDCWD, (long)path, R_OK, 0, 0);
}

/* Finds our library beside the command, or in the package of the same environment:
 * ../lib/python3.N. Returns whether it is there. */
static int find_beside(void)
{
    static const char *const folders[][2] = {
        {"/lib/process-hardening", NULL},
        {"/lib/python3.", "/site-packages/process_hardening"},
        {"/lib64/python3.", "/site-packages/process_hardening"},
        {"/lib/python3.", "/dist-packages/process_hardening"}, /* Debian's pip */
    };
    char own[PH_PATH];
    const long length =
        ph_syscall(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)own, sizeof own - 1, 0);

    own[length < 0 ? 0 : length] = '\0';
    for (int parts = 0; parts < 2; parts++) /* the command's name, and the folder "bin" */
        *((char *)(uintptr_t)ph_basename(own) - (*own == '/')) = '\0';
    for (unsigned long at = 0; length > 0 && at < 4 * 10; at++) {
        const char *const *folder = folders[at % 4];
        struct ph_text text = PH_TEXT(library);

        ph_add(&text, own);
        ph_add(&text, folder[0]);
        if (folder[1]) {
            ph_add_number(&text, 10 + at / 4);
            ph_add(&text, folder[1]);
        }
        ph_add(&text, "/libprocess_hardening.so");
        if (!text.cut && is_readable(library))
            return 1;
    }
    return 0;
}

/* Writes the path of the library. Returns NULL, or why LD_PRELOAD cannot name it. */
static const char *find_library(const char *path)
{
    struct ph_text text = PH_TEXT(library);

    if (path)
        ph_add(&text, path);
    else if (!find_beside())
        return "our library is not installed beside this command";
    if (text.cut)
        return "the path of our library is too long";
    if (!is_readable(library))
        return "our library cannot be read";
    for (const char *c = library; *c; c++)
        if (*c == ':' || *c == ' ')
            return "LD_PRELOAD cannot name our library: install it into a path without blank"
                   " and colon";
    return NULL;
}

int ph_prepare_library(const char *path, const struct ph_program *program,
                       const struct ph_options *options, const char **why_not)
{
    *why_not = find_library(path);
    *runtime = '\0';
    if (options->has[PH_CHILDREN] && *why_not)
        return ph_complain(PH_EXIT_CANNOT, "--children", *why_not);
    /* Of an unreadable file nothing is known, but most programs are dynamic. */
    if (program->fd >= 0 && !ph_loads_library(program->fd, runtime))
        *why_not = "no library can be loaded into it";
    return 0;
}

/* Takes the program's own LD_PRELOAD out of an environment. Returns its value, or NULL. */
static const char *take_preload(char **entries, char ***end)
{
    const char *value = NULL;
    char **to = entries;

    for (char **from = entries; from < *end; from++) {
        const char *rest = ph_after(*from, PRELOAD);

        if (rest)
            value = rest;
        else
            *to++ = *from;
    }
    *end = to;
    return value;
}

static char *join(struct ph_text *text, const char *name, const char *const *patterns)
{
    ph_add(text, name);
    for (size_t i = 0; patterns[i]; i++) {
        ph_add(text, i ? ":" : "");
        ph_add(text, patterns[i]);
    }
    return text->buffer;
}

/* For children, too: they see these variables, and hand them on. Returns the new end. */
static char **add_for_children(char **end, const struct ph_options *options, int *is_cut)
{
    static char keep[PH_PATTERNS * 64], except[PH_PATTERNS * 64];
    static char children[] = PH_CHILDREN_VARIABLE "=1";
    struct ph_text kept = PH_TEXT(keep), excepted = PH_TEXT(except);

    *end++ = children;
    *end++ = join(&kept, PH_KEEP_VARIABLE "=", options->names[PH_KEEP]);
    if (options->count[PH_EXCEPT])
        *end++ = join(&excepted, PH_EXCEPT_VARIABLE "=", options->names[PH_EXCEPT]);
    *is_cut = kept.cut || excepted.cut;
    return end;
}

/* For this process alone: the library takes them out again. Returns the new end. */
static char **add_for_process(char **end, const char *own_preload)
{
    static char follow[64];
    struct ph_text text = PH_TEXT(follow);
    size_t length = 0;

    while (own_preload && own_preload[length])
        length++;
    ph_add(&text, PH_FOLLOW_VARIABLE "=");
    if (own_preload)
        ph_add_number(&text, length);
    else
        ph_add(&text, "-");
    *end++ = follow;
    return end;
}

int ph_add_library(char **entries, char **end, enum ph_method method,
                   const struct ph_program *program, const struct ph_options *options)
{
    static char preload[1 << 16], own_path[PH_PATH + sizeof PH_PROGRAM_VARIABLE];
    struct ph_text text = PH_TEXT(preload), path = PH_TEXT(own_path);
    const int children = options->has[PH_CHILDREN];
    const char *const real[] = {program->real, NULL};
    const char *own_preload = children ? NULL : take_preload(entries, &end);
    int is_cut = 0;

    ph_add(&text, PRELOAD);
    for (size_t i = 0; i < 2; i++) {
        const char *before = i ? runtime : own_preload;

        if (before && *before) {
            ph_add(&text, before);
            ph_add(&text, ":");
        }
    }
    ph_add(&text, library);
    *end++ = preload;
    end = children ? add_for_children(end, options, &is_cut) : add_for_process(end, own_preload);
    if (method == PH_STAND_IN_IN_MEMORY || method == PH_COPY_IN_MEMORY)
        *end++ = join(&path, PH_PROGRAM_VARIABLE "=", real);
    *end = NULL;
    if (is_cut)
        return ph_complain(PH_EXIT_USAGE, "--keep or --except", "too many names");
    return text.cut ? ph_complain(PH_EXIT_CANNOT, "LD_PRELOAD", "too long to add our library") : 0;
}
