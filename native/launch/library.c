/* Finds our library, and writes the variables that load it and tell it what to do. */
#define _GNU_SOURCE
#include "library.h"

#include "../core/hardening.h"
#include "../core/text.h"
#include "../preload/exceptions.h"
#include "../preload/target.h"

#include <sys/mman.h>
#include <unistd.h>

#define PRELOAD "LD_PRELOAD="

static char library[PH_PATH], runtime[PH_RUNTIME];
static char keep[PH_PATTERNS * 64], except[PH_PATTERNS * 64];

static int is_readable(const char *path)
{
    return !ph_syscall(SYS_faccessat, AT_FDCWD, (long)path, R_OK, 0, 0);
}

/* Whether a dynamic loader could map it: not from a file system that is mounted noexec. */
static int is_loadable(const char *path)
{
    const long fd = ph_syscall(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0);
    long start;

    if (fd < 0)
        return 0;
    start = ph_map(1, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd);
    if (!ph_is_error(start))
        (void)ph_syscall(SYS_munmap, start, 1, 0, 0, 0);
    (void)ph_syscall(SYS_close, fd, 0, 0, 0, 0);
    return !ph_is_error(start);
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
    if (!is_loadable(library))
        return "our library cannot be loaded: is its file system mounted noexec?";
    for (const char *c = library; *c; c++)
        if (*c == ':' || *c == ' ')
            return "LD_PRELOAD cannot name our library: install it into a path without blanks"
                   " and colons";
    return NULL;
}

/* Writes NAME=, patterns, and those in the value of a variable (or NULL), joined by ":". */
static int join(struct ph_text *text, const char *name, const char *const *patterns,
                const char *value)
{
    const char *separator = "";

    ph_add(text, name);
    for (; *patterns; patterns++, separator = ":") {
        ph_add(text, separator);
        ph_add(text, *patterns);
    }
    if (value && *value) {
        ph_add(text, separator);
        ph_add(text, value);
    }
    return text->cut;
}

int ph_take_over_children(struct ph_options *options)
{
    const char *asked = ph_environment_value(PH_CHILDREN_VARIABLE);
    const int is_asked = asked && ph_equal(asked, "1");
    struct ph_text kept = PH_TEXT(keep), excepted = PH_TEXT(except);

    options->has[PH_CHILDREN] |= is_asked;
    if (join(&kept, PH_KEEP_VARIABLE "=", options->names[PH_KEEP],
             is_asked ? ph_environment_value(PH_KEEP_VARIABLE) : NULL))
        return ph_complain(PH_EXIT_USAGE, "--keep", "too many names");
    if (join(&excepted, PH_EXCEPT_VARIABLE "=", options->names[PH_EXCEPT],
             is_asked ? ph_environment_value(PH_EXCEPT_VARIABLE) : NULL))
        return ph_complain(PH_EXIT_USAGE, "--except", "too many names");
    return 0;
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
    else if (!*why_not && ph_lists(except + sizeof PH_EXCEPT_VARIABLE, program->name))
        *why_not = "--except leaves it alone";
    return 0;
}

/* The entry of the program's own LD_PRELOAD, or NULL. */
static char **find_own_preload(char **entries, char **end)
{
    for (; entries < end; entries++)
        if (ph_after(*entries, PRELOAD))
            return entries;
    return NULL;
}

/* For children, too: they see these variables, and hand them on. Returns the new end. */
static char **add_for_children(char **end)
{
    static char children[] = PH_CHILDREN_VARIABLE "=1";

    *end++ = children;
    *end++ = keep;
    if (except[sizeof PH_EXCEPT_VARIABLE])
        *end++ = except;
    return end;
}

/* For this process alone: the library takes them out again. Returns the new end. */
static char **add_for_process(char **end, const char *own_preload)
{
    static char follow[64];
    struct ph_text text = PH_TEXT(follow);

    ph_add(&text, PH_FOLLOW_VARIABLE "=");
    if (own_preload)
        ph_add_number(&text, ph_length(own_preload));
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
    char **slot = children ? NULL : find_own_preload(entries, end);
    static const char *own_preload;

    if (!slot || *slot != preload) { /* or it is the one of the method before this one */
        own_preload = slot ? *slot + sizeof PRELOAD - 1 : NULL;
        ph_add(&text, PRELOAD);
        ph_add(&text, own_preload ? own_preload : "");
        ph_add(&text, own_preload ? ":" : "");
        ph_add(&text, runtime);
        ph_add(&text, *runtime ? ":" : "");
        ph_add(&text, library);
    }
    if (slot)
        *slot = preload;
    else
        *end++ = preload;
    end = children ? add_for_children(end) : add_for_process(end, own_preload);
    ph_add(&path, PH_PROGRAM_VARIABLE "=");
    ph_add(&path, program->real);
    if (method == PH_STAND_IN_IN_MEMORY || method == PH_COPY_IN_MEMORY)
        *end++ = own_path;
    *end = NULL;
    return text.cut ? ph_complain(PH_EXIT_CANNOT, "LD_PRELOAD", "too long to add our library") : 0;
}
