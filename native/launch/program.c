/* Follows PATH, "#!" lines and env(1) to the ELF file that would finally run. */
#define _GNU_SOURCE
#include "program.h"

#include "../core/hardening.h"
#include "../core/platform/linux_ids.h"
#include "../core/platform/linux_proc.h"
#include "../core/text.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* glibc's. musl's is longer, but this launcher runs the programs of both. */
#define DEFAULT_PATH "/bin:/usr/bin"

static int refuse(const struct ph_program *program, const char *what)
{
    return ph_complain(PH_EXIT_CANNOT, program->path, what);
}

static long may(const char *path, int what)
{
    return PH_CALL(SYS_faccessat, AT_FDCWD, path, what);
}

static int is_missing(long error)
{
    return error == -ENOENT || error == -ENOTDIR;
}

/* Why the file at a path cannot be executed, or NULL. */
static const char *find_bar(const char *path)
{
    const long error = may(path, X_OK);

    if (error == -EACCES)
        return "not executable: if it is a program, chmod +x it";
    return error ? ph_call_failed("faccessat", error) : NULL;
}

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

int ph_program_search(const char *name, const char *folders, char found[PH_PATH])
{
    const int has_folder = ph_basename(name) != name;
    const char *refusal = NULL;

    if (!folders)
        folders = ph_environment_value("PATH");
    folders = has_folder ? "" : folders ? folders : DEFAULT_PATH;
    if (!*name)
        return ph_complain(PH_EXIT_NOT_FOUND, "''", "the program name is empty");
    for (;; folders++) {
        struct ph_text text = {found, PH_PATH, 0, 0};
        struct ph_statx file = {0};
        long error;

        while (*folders && *folders != ':') {
            ph_add_bytes(&text, folders++, 1);
        }
        if (text.length)
            ph_add(&text, "/");
        else if (*name == '-') /* otherwise an interpreter would take it for an option */
            ph_add(&text, "./");
        ph_add(&text, name);
        error = text.cut ? -ENAMETOOLONG : ph_stat(AT_FDCWD, found, 0, &file);
        if (!error && (has_folder || (S_ISREG(file.mode) && !(refusal = find_bar(found)))))
            return 0;
        /* Like sh(1), a search skips what the user may not see. */
        if (error && !is_missing(error) &&
            (has_folder || (error != -EACCES && error != -ENAMETOOLONG)))
            refusal = ph_call_failed("statx", error);
        if (!*folders)
            break;
    }
    if (refusal)
        return ph_complain(PH_EXIT_CANNOT, name, refusal);
    return ph_complain(PH_EXIT_NOT_FOUND, name,
                               has_folder        ? "no such file"
                               : may(name, F_OK) ? "not found in PATH"
                                                 : "not found in PATH; to run the file in this"
                                                   " directory, write ./NAME");
}

/* Opens the file at program->path after checking what the kernel and this launcher require. */
static int open_program(struct ph_program *program)
{
    const char *path = program->path, *refusal;
    struct ph_statx file = {0};
    char one;
    struct ph_identity named, opened;
    const uint32_t user = ph_effective_user();
    long fd, error = ph_stat(AT_FDCWD, path, 0, &file);

    if (error)
        return refuse(program, ph_call_failed("statx", error));
    named = ph_identify(&file);
    if (!S_ISREG(file.mode))
        return refuse(program, S_ISDIR(file.mode) ? "is a directory" : "not a regular file");
    refusal = find_bar(path);
    if (refusal)
        return refuse(program, refusal);
    if (file.mode & (S_ISUID | S_ISGID) ||
        PH_CALL(SYS_getxattr, path, "security.capability", &one, 0) > 0)
        return refuse(program, "would lose its set-user-ID, set-group-ID or file capabilities:"
                               " start it directly; the kernel protects a program that gains rights");
    /* Root can modify every file: a copy would not help. */
    program->is_writable = user && (!may(path, W_OK) || file.uid == user);
    fd = PH_CALL(SYS_openat, AT_FDCWD, path, PH_TO_READ);
    program->fd = fd < 0 ? -1 : (int)fd;
    /* To decide whether a program is dumpable, exec checks only the file's mode. AppArmor and
     * Landlock can refuse open(2) as well, but that does not make the program non-dumpable. */
    if (fd == -EACCES && may(path, R_OK) == -EACCES && ph_confirm_unreadable(file.mode, file.uid))
        return 0;
    if (fd < 0)
        return refuse(program, ph_call_failed("openat", fd));
    /* Check the open file too: a seccomp filter can return standard input instead. */
    error = ph_stat(fd, "", AT_EMPTY_PATH, &file);
    if (error || !S_ISREG(file.mode))
        return refuse(program, error ? ph_call_failed("statx", error) : "not a regular file");
    opened = ph_identify(&file);
    if (!ph_is_same(&named, &opened))
        return refuse(program, "was replaced while being opened");
    program->identity = opened;
    return 0;
}

/* Whether env(1) splits words at this character. The kernel does not split at carriage returns. */
static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Splits text at spaces, in place, respecting quotes. Returns the number of words, or -1 if a quote
 * is not closed. */
static int split(char *text, char **words)
{
    for (int count = 0;; count++) {
        char *to, quote = '\0';

        while (is_space(*text))
            text++;
        if (!*text)
            return count;
        for (words[count] = to = text; *text && (quote || !is_space(*text)); text++) {
            if (quote ? *text == quote : *text == '\'' || *text == '"')
                quote = quote ? '\0' : *text;
            else
                *to++ = *text;
        }
        if (quote)
            return -1;
        text += *text != '\0';
        *to = '\0';
    }
}

/* Writes the command that env(1) would run, given the argument of its "#!" line, to words. Returns
 * the number of words, or -1 if the argument is not supported. */
static int follow_env(struct ph_program *program, char *argument, char **words)
{
    const char *rest = argument ? ph_after(argument, "-S") : NULL;
    size_t variables = 0;
    int count = argument != NULL, first = 0;

    if (argument && !rest)
        rest = ph_after(argument, "--split-string=");
    words[0] = argument;
    for (const char *at = rest; at && *at; at++)
        if (*at == '$' || *at == '#' || *at == '\\') /* these are special to env */
            return -1;
    if (rest)
        count = split(argument + (rest - argument), words);
    while (program->variables[variables])
        variables++;
    for (; first < count && *words[first] != '-'; first++) {
        const char *at = words[first];

        while (*at && *at != '=')
            at++;
        if (!*at)
            break;
        if (variables == PH_VARIABLES || ph_after(words[first], "PATH=")) /* env would search it */
            return -1;
        program->variables[variables++] = words[first];
    }
    if (first >= count || *words[first] == '-')
        return -1;
    for (int i = first; i < count; i++)
        words[i - first] = words[i];
    return count - first;
}

static char *skip_blanks(char *text)
{
    while (is_blank(*text))
        text++;
    return text;
}

/* Splits the "#!" line in a file's first PH_LINE bytes, in place. Returns -1 if it names no
 * interpreter or if the interpreter's path is cut off. Source: fs/binfmt_script.c load_script(). */
static int split_line(char *line, char **interpreter, char **argument)
{
    char *const last = line + PH_LINE - 1;
    char *end = line, *rest;

    while (*end && *end != '\n')
        end++;
    if (!*end) { /* without a newline, it extends to the end of these bytes, past any NUL */
        for (rest = skip_blanks(line + 2); rest < last && *rest && !is_blank(*rest);)
            rest++;
        if (*rest && !is_blank(*rest))
            return -1;
        end = last;
    }
    while (is_blank(end[-1]))
        end--;
    *end = '\0';
    *interpreter = rest = skip_blanks(line + 2);
    while (*rest && !is_blank(*rest))
        rest++;
    *argument = NULL;
    if (*rest) {
        *rest++ = '\0';
        *argument = skip_blanks(rest);
    }
    return **interpreter ? 0 : -1;
}

/* Follows one "#!" line: program->path becomes the path of its interpreter. */
static int follow_script(struct ph_program *program, int depth)
{
    char *interpreter, *argument, *words[PH_LINE];
    int count = 1, status;
    struct ph_text script = PH_TEXT(program->scripts[depth]);

    if (split_line(program->lines[depth], &interpreter, &argument))
        return refuse(program, "broken #! line: no interpreter");
    ph_add(&script, *program->path == '-' ? "./" : "");
    ph_add(&script, program->path);
    program->argv[0] = program->scripts[depth];
    words[0] = interpreter;
    words[1] = argument;
    count += argument != NULL;
    if (ph_equal(interpreter, "/usr/bin/env") || ph_equal(interpreter, "/bin/env")) {
        count = follow_env(program, argument, words);
        if (count < 0)
            return refuse(program,
                          "#! line: unsupported arguments of env: name the interpreter itself");
        status = ph_program_search(words[0], program->folders, program->path);
        if (status)
            return status;
        program->name = ph_basename(words[0]);
    } else if (is_missing(may(interpreter, F_OK))) {
        char what[2 * PH_LINE];
        struct ph_text text = PH_TEXT(what);

        ph_add(&text, "broken #! line: no such interpreter: ");
        ph_add(&text, interpreter);
        return refuse(program, what);
    } else {
        ph_add(&(struct ph_text)PH_TEXT(program->path), interpreter);
    }
    while (count--)
        *--program->argv = words[count];
    return 0;
}

/* Finds the path of the open file and checks that this path names the same file. */
static int find_real_path(struct ph_program *program)
{
    char link[PH_LINK];
    struct ph_statx file;
    struct ph_identity identity;
    const long length = PH_CALL(SYS_readlinkat, AT_FDCWD, ph_link(program->fd, link),
                                program->real, PH_PATH - 1);
    long error;

    if (length < 0)
        return refuse(program, ph_call_failed("reading /proc/self/fd (is /proc mounted?)", length));
    program->real[length] = '\0';
    error = ph_stat(AT_FDCWD, program->real, 0, &file);
    if (error)
        return refuse(program, ph_call_failed("statx of its resolved path", error));
    identity = ph_identify(&file);
    if (*program->real != '/' || !ph_is_same(&identity, &program->identity))
        return refuse(program, "its resolved path names another file");
    return 0;
}

static void close_program(struct ph_program *program)
{
    if (program->fd >= 0)
        (void)PH_CALL(SYS_close, program->fd);
    program->fd = -1;
}

/* Follows scripts to the final file and leaves it open, unless it is unreadable. */
static int find_file(struct ph_program *program, char **argv)
{
    int status = ph_program_search(argv[0], program->folders, program->path);

    program->argv = argv;
    program->name = ph_basename(argv[0]);
    for (int depth = 0; !status; depth++) {
        char *line = program->lines[depth];
        long length;

        status = open_program(program);
        if (status || program->fd < 0)
            return status;
        length = ph_read_at(program->fd, line, PH_LINE, 0);
        if (length < 0)
            return refuse(program, ph_call_failed("preadv", length));
        line[length] = '\0';
        if (length >= SELFMAG && ph_after(line, ELFMAG))
            return 0;
        if (!ph_after(line, "#!"))
            return refuse(program, "neither an ELF program nor a script with a #! line");
        if (depth == PH_SCRIPTS)
            return ph_complain(PH_EXIT_CANNOT, argv[0], "too many nested interpreters");
        close_program(program);
        status = follow_script(program, depth);
    }
    return status;
}

/* Whether a loader would load this program itself. It executes static programs and other loaders
 * instead, and our library does not follow that exec (glibc's elf/rtld.c rtld_chain_load()). */
static int would_be_loaded(const char *path)
{
    const long fd = PH_CALL(SYS_openat, AT_FDCWD, path, PH_TO_READ);
    struct ph_elf elf = {0};

    if (fd < 0)
        return 0;
    if (ph_read_elf(fd, &elf))
        elf.loader_size = 0;
    (void)PH_CALL(SYS_close, fd);
    return elf.is_native && elf.loader_size;
}

/* Finds the program that an explicitly started loader would run, and refuses what is uncertain. */
static int find_loaded(struct ph_program *program)
{
    char *const *arguments = program->argv + 1;

    if (arguments[0] && arguments[1] && ph_equal(arguments[0], "--library-path"))
        arguments += 2;
    if (!*arguments)
        return refuse(program, "a dynamic loader without a program: write"
                               " LOADER [--library-path LIST] ./PROGRAM");
    if (**arguments == '-') /* ld.so(8) */
        return ph_complain(PH_EXIT_CANNOT, *arguments,
                           "some versions of the dynamic loader lack this option and would start"
                           " something else: use only --library-path, or leave out the loader");
    if (ph_basename(*arguments) == *arguments)
        return ph_complain(PH_EXIT_CANNOT, *arguments,
                           "the dynamic loader would search for it like a library: write a path,"
                           " such as ./PROGRAM");
    if (!would_be_loaded(*arguments))
        return ph_complain(PH_EXIT_CANNOT, *arguments,
                           "not a dynamic program, so the dynamic loader would execute it"
                           " unprotected: leave out the loader");
    program->loaded = *arguments;
    return 0;
}

/* Reads the headers of the open file. */
static int read_file(struct ph_program *program)
{
    const char *damage = ph_read_elf(program->fd, &program->elf);
    int status = damage ? refuse(program, damage) : find_real_path(program);

    return !status && program->elf.is_loader ? find_loaded(program) : status;
}

int ph_program_find(struct ph_program *program, char **argv)
{
    int status;

    program->fd = -1;
    status = find_file(program, argv);
    if (!status && program->fd >= 0)
        status = read_file(program);
    if (status)
        close_program(program);
    return status;
}
