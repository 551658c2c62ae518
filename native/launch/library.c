/* Finds our library, and writes the variables that load it and tell it what to do. */
#define _GNU_SOURCE
#include "library.h"

#include "../core/hardening.h"
#include "../core/text.h"
#include "../preload/exceptions.h"

#include <sys/mman.h>
#include <unistd.h>

#define PRELOAD "LD_PRELOAD="

static char library[PH_PATH], keep[PH_PATTERNS * 64], except[PH_PATTERNS * 64];

const char *ph_library_objection(const char *path)
{
    const long fd = PH_CALL(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    long start;

    if (fd < 0)
        return "our library cannot be read";
    start = ph_map(0, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    if (!ph_is_error(start))
        (void)PH_CALL(SYS_munmap, start, 1);
    (void)PH_CALL(SYS_close, fd);
    if (ph_is_error(start))
        return "our library cannot be loaded: is its file system mounted noexec?";
    for (; *path; path++)
        if (*path == ':' || *path == ' ')
            return "LD_PRELOAD cannot name our library: install into a path without blanks and"
                   " colons";
    return NULL;
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
        PH_CALL(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", own, sizeof own - 1);

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
        ph_add(&text, "/" PH_LIBRARY_NAME);
        if (!text.cut && !PH_CALL(SYS_faccessat, AT_FDCWD, library, R_OK))
            return 1;
    }
    return 0;
}

/* Writes the path of the library. Returns NULL, or why it cannot be loaded. */
static const char *find_library(const char *path)
{
    struct ph_text text = PH_TEXT(library);

    if (path)
        ph_add(&text, path);
    else if (!find_beside())
        return "our library is not installed beside this command";
    return text.cut ? "the path of our library is too long" : ph_library_objection(library);
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
    if (options->has[PH_CHILDREN] && *why_not)
        return ph_complain(PH_EXIT_CANNOT, "--children", *why_not);
    /* Of an unreadable file nothing is known, but most programs are dynamic. */
    if (program->fd >= 0 && !program->elf.is_dynamic)
        *why_not = "no library can be loaded into it";
    else if (!*why_not && ph_lists(except + sizeof PH_EXCEPT_VARIABLE, program->name))
        *why_not = "--except leaves it alone";
    return 0;
}

char **ph_add_library(char **entries, char **end, const struct ph_program *program,
                      const struct ph_options *options)
{
    static char preload[1 << 16], follow[64], children[] = PH_CHILDREN_VARIABLE "=1";
    struct ph_text text = PH_TEXT(preload), marker = PH_TEXT(follow);
    const char *runtime = program->elf.runtime, *kept = NULL; /* by --keep */
    char **slot = entries;

    while (slot < end && !(kept = ph_after(*slot, PRELOAD)))
        slot++;
    ph_add(&text, PRELOAD);
    ph_add(&text, kept ? kept : "");
    ph_add(&text, kept ? ":" : "");
    ph_add(&text, runtime);
    ph_add(&text, *runtime ? ":" : "");
    ph_add(&text, library);
    if (text.cut) {
        (void)ph_complain(PH_EXIT_CANNOT, "LD_PRELOAD", "too long to add our library");
        return NULL;
    }
    *slot = preload;
    end += slot == end;
    if (options->has[PH_CHILDREN]) { /* they see these variables, and hand them on */
        *end++ = children;
        *end++ = keep;
        if (except[sizeof PH_EXCEPT_VARIABLE])
            *end++ = except;
    } else { /* for this process alone: the library takes it out again */
        ph_add(&marker, PH_FOLLOW_VARIABLE "=");
        if (kept)
            ph_add_number(&marker, ph_length(kept));
        else
            ph_add(&marker, "-");
        *end++ = follow;
    }
    return end;
}
