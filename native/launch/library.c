/* Finds our library and writes the variables that load and configure it. */
#define _GNU_SOURCE
#include "library.h"

#include "../core/hardening.h"
#include "../core/text.h"
#include "../exec/handover.h"
#include "method.h"

#include <errno.h>

#define PRELOAD "LD_PRELOAD="
/* Looks for python3.10 to python3.29: a missing directory costs one system call. */
#define FIRST_PYTHON 10
#define LAST_PYTHON 29

static char library[PH_PATH], keep[PH_LIST_SIZE], except[PH_LIST_SIZE];
static char bypass[sizeof PH_BYPASS_NAME_VARIABLE + PH_BYPASS_SIZE]; /* "": the library's default */

static const char missing[] = "the preload library is not installed: reinstall the package";
static const char not_beside[] = "the preload library is not installed next to this command, as"
                                 " ../lib/process-hardening/" PH_LIBRARY_NAME;
/* Another process may be the cause, for example with prlimit(2). */
static const char not_checked[] = "the preload library cannot be opened or mapped: no descriptors"
                                  " or memory left? Raise the limits (ulimit -n, -v)";

/* Whether an error lies in how the library was installed: in its path, its mode or its file
 * system. */
static int is_lasting(long error)
{
    return error == -EACCES || error == -EPERM || error == -ELOOP || error == -ENAMETOOLONG ||
           error == -ENOENT || error == -ENOTDIR || error == -ELIBBAD || error == -ENODEV;
}

const char *ph_library_objection(const char *path)
{
    const long fd = PH_CALL(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    long error;

    if (fd < 0 && !is_lasting(fd))
        return not_checked;
    if (fd < 0)
        return fd == -ENOENT || fd == -ENOTDIR ? missing : "the preload library is not readable";
    error = ph_check_loadable(fd);
    (void)PH_CALL(SYS_close, fd);
    if (error && !is_lasting(error))
        return not_checked;
    if (error == -ELIBBAD)
        return "the preload library is damaged or for another architecture: reinstall the package";
    if (error)
        return "the preload library cannot be loaded: is its file system mounted noexec?";
    for (; *path; path++) /* glibc's loader expands "$", and musl's splits at every blank */
        if (*path == ':' || *path == '$' || *path == ' ' || (*path >= '\t' && *path <= '\r'))
            return "LD_PRELOAD cannot name the preload library: install the package in a path"
                   " without blanks, colons or dollar signs";
    return NULL;
}

/* Cuts the last part off a path. */
static void cut_last_part(char *path)
{
    size_t end = ph_length(path);

    while (end && path[--end] != '/')
        ;
    path[end] = '\0';
}

/* Writes the path of the library below a folder. Returns why it cannot be loaded, or NULL.
 * version -- the N of python3.N, or 0 if the path has no such folder */
static const char *try_folder(const char *prefix, const char *folder, unsigned version,
                              const char *rest)
{
    struct ph_text text = PH_TEXT(library);

    ph_add(&text, prefix);
    ph_add(&text, folder);
    if (version)
        ph_add_number(&text, version);
    ph_add(&text, rest);
    ph_add(&text, "/" PH_LIBRARY_NAME);
    return text.cut ? missing : ph_library_objection(library);
}

/* Finds our library next to the command, or in the package of the same environment:
 * ../lib/python3.N. Returns why it cannot be loaded, or NULL. */
static const char *find_beside(void)
{
    static const char *const folders[][2] = {
        {"/lib/python3.", "/site-packages/process_hardening"},
        {"/lib64/python3.", "/site-packages/process_hardening"},
        {"/lib/python3.", "/dist-packages/process_hardening"}, /* Debian's pip */
    };
    char own[PH_PATH];
    const char *obstacle;
    const long length =
        PH_CALL(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", own, sizeof own - 1);

    if (length <= 0) /* 0: a filter's answer */
        return length == -ENOENT ? not_beside : "/proc/self/exe cannot be read";
    own[length] = '\0';
    cut_last_part(own); /* the command's name */
    cut_last_part(own); /* the folder "bin" */
    obstacle = try_folder(own, "/lib/process-hardening", 0, "");
    for (unsigned version = FIRST_PYTHON; version <= LAST_PYTHON; version++)
        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
            if (obstacle == missing)
                obstacle = try_folder(own, folders[i][0], version, folders[i][1]);
    return obstacle == missing ? not_beside : obstacle;
}

/* Writes the path of the library. Returns NULL, or why it cannot be loaded. */
static const char *find_library(const char *path)
{
    struct ph_text text = PH_TEXT(library);

    if (path)
        ph_add(&text, path);
    if (text.cut)
        return "the path of the preload library is too long";
    return path ? ph_library_objection(library) : find_beside();
}

/* Writes NAME= and a list joined by ":": first patterns, then the patterns in value, which is that
 * of a variable or NULL. Returns whether something did not fit. */
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

/* Whether an outer launcher hardens all children. */
static int are_children_asked(void)
{
    const char *asked = ph_environment_value(PH_CHILDREN_VARIABLE);

    return asked && ph_equal(asked, "1");
}

const char *ph_choose_bypass(const struct ph_options *options, const char *own)
{
    static char chosen[PH_BYPASS_SIZE]; /* a copy, because the value in the environment is wiped */
    const char *inherited =
        own && are_children_asked() ? ph_environment_value(PH_BYPASS_NAME_VARIABLE) : NULL;
    const char *name = options->bypass ? options->bypass : inherited ? inherited : own;
    struct ph_text text = PH_TEXT(chosen), entry = PH_TEXT(bypass);

    ph_add(&text, name ? name : "");
    if (text.cut)
        *chosen = '\0';
    *bypass = '\0';
    if (options->has[PH_NO_BYPASS] || !ph_equal(chosen, PH_BYPASS_VARIABLE)) {
        ph_add(&entry, PH_BYPASS_NAME_VARIABLE "=");
        ph_add(&entry, options->has[PH_NO_BYPASS] ? "" : chosen);
    }
    return *chosen ? chosen : NULL;
}

int ph_take_over_children(struct ph_options *options)
{
    const int is_asked = are_children_asked();
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

/* Warns, when the program is started, that the programs that it executes are not hardened.
 * --explain prints this too. */
static void announce(const struct ph_program *program, const char *why_not)
{
    char line[256];
    struct ph_text text = PH_TEXT(line);

    ph_add(&text, "programs that it executes are not hardened: ");
    ph_add(&text, why_not);
    (void)ph_complain(0, program->path, line);
}

int ph_prepare_library(const char *path, const struct ph_program *program,
                       const struct ph_options *options, const char **why_not)
{
    *why_not = find_library(path);
    if (options->has[PH_CHILDREN] && *why_not)
        return ph_complain(PH_EXIT_CANNOT, "--children", *why_not);
    /* Treats an unreadable file as dynamic: its kind is unknown, but most programs are dynamic. */
    if (program->fd >= 0 && !program->elf.is_dynamic)
        *why_not = "no library can be loaded into it";
    else if (!*why_not && ph_program_is_listed(program, except + sizeof PH_EXCEPT_VARIABLE))
        *why_not = "--except exempts it";
    else if (*why_not == not_checked)
        return ph_complain(PH_EXIT_CANNOT, program->path, *why_not);
    else if (*why_not && !options->has[PH_EXPLAIN] &&
             options->methods != PH_BIT(PH_PRELOAD)) /* this method will be refused */
        announce(program, *why_not);
    return 0;
}

char **ph_add_library(char **entries, char **end, const struct ph_program *program,
                      const struct ph_options *options)
{
    static char preload[1 << 16], follow[64], children[] = PH_CHILDREN_VARIABLE "=1";
    struct ph_text text = PH_TEXT(preload), marker = PH_TEXT(follow);
    const char *kept = NULL; /* by --keep */
    char **slot = NULL, **to = entries;

    /* Of several, glibc's loader takes the last, and musl's the first: only one is left. */
    for (char **from = entries; from < end; from++) {
        const char *value = ph_after(*from, PRELOAD);

        if (value)
            kept = value;
        if (!value || !slot)
            *to++ = *from;
        if (value && !slot)
            slot = to - 1;
    }
    end = to;
    slot = slot ? slot : end;
    ph_add(&text, PRELOAD);
    ph_add_libraries(&text, kept, program->elf.sanitizer, library);
    if (text.cut) {
        (void)ph_complain(PH_EXIT_CANNOT, "LD_PRELOAD", "too long to add the preload library");
        return NULL;
    }
    *slot = preload;
    end += slot == end;
    if (options->has[PH_CHILDREN]) { /* children see these variables and pass them on */
        *end++ = children;
        *end++ = keep;
        if (except[sizeof PH_EXCEPT_VARIABLE])
            *end++ = except;
    } else { /* for this process alone: the library removes the variable again */
        ph_add(&marker, PH_FOLLOW_VARIABLE "=");
        ph_add_follow(&marker, kept);
        *end++ = follow;
    }
    if (*bypass)
        *end++ = bypass;
    return end;
}
