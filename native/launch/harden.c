/* The command `harden`: starts a program that is hardened from its first instruction on. It hardens
 * itself first. Static and without libc: it starts fast and no library can be injected. */
#define _GNU_SOURCE
#include "../core/hardening.h"
#include "../core/text.h"
#include "place.h"
#include "program.h"
#include "stub/entry.h"
#include "stub/stub.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATTERNS 64         /* of --keep and of --clear */
#define SET_ASIDE (1 << 18) /* bytes of search paths, in hex */
#define SET_ASIDE_VARIABLE "PROCESS_HARDENING_SET_ASIDE"
#define ADDED (PH_VARIABLES + 5) /* entries that the program's environment gets */

static const char usage[] =
    "usage: harden [--method auto|execute-only|copy|preload] [--children] [--keep NAME]...\n"
    "              [--clear NAME]... [--strict] [--seal] [--explain] [--] PROGRAM [ARG...]\n"
    "\n"
    "Starts a program so that no other process of its user can read its memory, from its first\n"
    "instruction on. The program is otherwise unchanged.\n"
    "\n"
    "  --method auto          the first of the following that works here, copy excepted (default)\n"
    "  --method execute-only  an unreadable stand-in maps the program: no copy, no launch window\n"
    "  --method copy          an unreadable copy: its file can no longer change what runs\n"
    "  --method preload       a library hardens it before its main(): leaves a launch window\n"
    "  --children             load the library into it and its dynamically linked descendants\n"
    "  --keep NAME            leave a variable (or PREFIX*) in the environment\n"
    "  --clear NAME           remove one more variable (or PREFIX*)\n"
    "  --strict               no_new_privs, remove more variables, copy a program that its user\n"
    "                         can change\n"
    "  --seal                 keep the program from making itself inspectable again\n"
    "  --explain              try it, say what would be done, start nothing\n"
    "\n"
    "Exit status: the program's own; 126 it cannot be started protected, 127 it is not found,\n"
    "2 usage, 5, 6, 7 or 8 a step of hardening failed. CODEX_SKIP_HARDENING=1 starts it\n"
    "unprotected, with a warning.\n";

/* In the order in which they are tried. */
enum method {
    STAND_IN_BY_NAME,
    STAND_IN_IN_MEMORY,
    COPY_BY_NAME,
    COPY_IN_MEMORY,
    PRELOAD,
    UNREADABLE_FILE,
    METHODS
};
static const struct {
    const char *shortly, *text;
} names[METHODS] = {
    {"execute-only by name", "execute-only: a stand-in under the program's own path"},
    {"execute-only in memory",
     "execute-only: a stand-in in memory; the program sees /memfd:NAME as its own path"},
    {"a copy by name", "copy, under the program's own path"},
    {"a copy in memory", "copy in memory; the program sees /memfd:NAME as its own path"},
    {"preload", "preload: a library hardens it before its main()"},
    {"unreadable", "none needed: its file is unreadable, so the kernel protects the process"},
};

#define BIT(method) (1u << (method))
#define STAND_INS (BIT(STAND_IN_BY_NAME) | BIT(STAND_IN_IN_MEMORY))
#define COPIES (BIT(COPY_BY_NAME) | BIT(COPY_IN_MEMORY))
static const struct {
    const char *name;
    unsigned methods;
} choices[] = {
    {"auto", STAND_INS | BIT(PRELOAD)},
    {"execute-only", STAND_INS},
    {"copy", COPIES},
    {"preload", BIT(PRELOAD)},
};

/* Removed variables that children may need. A test compares them with environment.py. */
static const char *const search_paths[] = {
    "LD_LIBRARY_PATH", "LD_ORIGIN_PATH", "LD_32_LIBRARY_PATH", "LD_32_ORIGIN_PATH",
    "LD_64_LIBRARY_PATH", "LD_64_ORIGIN_PATH", "CLASSPATH", "LOCPATH", "LUA_CPATH", "LUA_PATH",
    "NIS_PATH", "NLSPATH", "NODE_PATH", "PERL5LIB", "PERLLIB", "PYTHONHOME", "PYTHONPATH",
    "PYTHONUSERBASE", "RUBYLIB", "TMPDIR", "TZDIR", NULL};
static const char *const strict_variables[] = {
    "BASH_ENV", "BASH_FUNC_*", "DOTNET_STARTUP_HOOKS", "GCONV_PATH", "GETCONF_DIR",
    "GIT_ASKPASS", "GIT_CONFIG_*", "GIT_EXEC_PATH", "GIT_EXTERNAL_DIFF", "GIT_PROXY_COMMAND",
    "GIT_SSH", "GIT_SSH_COMMAND", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "LESSCLOSE",
    "LESSOPEN", "LUA_INIT", "NODE_OPTIONS", "OPENSSL_CONF", "OPENSSL_ENGINES",
    "OPENSSL_MODULES", "PERL5DB", "PERL5OPT", "PHP_INI_SCAN_DIR", "PROMPT_COMMAND",
    "PYTHONBREAKPOINT", "PYTHONPYCACHEPREFIX", "PYTHONSTARTUP", "PYTHONWARNINGS", "RUBYOPT",
    "_JAVA_OPTIONS", "CLASSPATH", "LOCPATH", "LUA_CPATH", "LUA_PATH", "NIS_PATH", "NLSPATH",
    "NODE_PATH", "PERL5LIB", "PERLLIB", "PYTHONHOME", "PYTHONPATH", "PYTHONUSERBASE", "RUBYLIB",
    "TMPDIR", "TZDIR", "GLIBC_TUNABLES", "HOSTALIASES", "LOCALDOMAIN", "MALLOC_*",
    "PYTHONPERFSUPPORT", "RESOLV_HOST_CONF", "RES_OPTIONS", "SSLKEYLOGFILE", NULL};
#define STRICT_COUNT (sizeof strict_variables / sizeof *strict_variables)
/* Always removed: start() and take_over_set_aside() write the last three anew. */
static const char *const own_variables[] = {"LD_*", SET_ASIDE_VARIABLE, PH_KEEP_VARIABLE,
                                            PH_CHILDREN_VARIABLE};
#define OWN_COUNT (sizeof own_variables / sizeof *own_variables)

struct options {
    unsigned methods;
    int automatic, children, strict, seal, explain;
    const char *keep[PATTERNS + 1];
    size_t kept;
    const char *clear[PATTERNS + OWN_COUNT + STRICT_COUNT + 1];
    size_t cleared;
};

/* What the core otherwise gets from libc. */
char **environ;
static const ElfW(auxv_t) *vector;
unsigned long getauxval(unsigned long type);
unsigned long getauxval(unsigned long type)
{
    for (const ElfW(auxv_t) *at = vector; at->a_type != AT_NULL; at++)
        if (at->a_type == type)
            return at->a_un.a_val;
    return 0;
}

static struct ph_program program;
static char set_aside[SET_ASIDE];
static struct ph_text aside = PH_TEXT(set_aside);
/* The stub, as it is written into the place. */
static _Alignas(16) char stub[PH_STUB_SIZE];

/* Adds an entry to what is set aside, in hex, with a NUL between two of them. */
static int put_aside(void *context, const char *entry, size_t name_length)
{
    (void)context, (void)name_length;
    if (!ph_environment_matches(entry, search_paths, NULL))
        return 0;
    if (aside.buffer[aside.length - 1] != '=')
        ph_add(&aside, "00");
    for (; *entry; entry++) {
        const unsigned byte = (unsigned char)*entry;
        const char hex[] = {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15], '\0'};

        ph_add(&aside, hex);
    }
    return aside.cut ? -1 : 0;
}

/* What was set aside by the program that started this one, unless it is damaged. */
static void take_over_set_aside(void)
{
    const char *value = ph_environment_value(SET_ASIDE_VARIABLE);
    size_t length = 0;

    ph_add(&aside, SET_ASIDE_VARIABLE "=");
    while (value && ((value[length] >= '0' && value[length] <= '9') ||
                     (value[length] >= 'a' && value[length] <= 'f')))
        length++;
    if (value && !value[length] && length % 2 == 0)
        ph_add(&aside, value);
}

/* Enforces the policy, or ends with the core's line and status. Returns whether the bypass variable
 * is set; prints a warning in that case if warn is set. */
static int enforce(const struct ph_policy *policy, const struct ph_visitor *removed, int warn)
{
    struct ph_report report;
    char message[PH_MESSAGE_SIZE];
    const int status = ph_harden(policy, removed, &report);

    if (!status && !(report.bypassed && warn))
        return report.bypassed;
    ph_message(&report, policy, message, sizeof message);
    ph_warn(message);
    if (status)
        ph_exit(status);
    return 1;
}

/* The value of an option that takes one: "--NAME=VALUE" or the next word. NULL: another option;
 * "": no value. */
static const char *value_of(const char *flag, char ***words)
{
    const char *rest = ph_after(**words, flag);

    if (!rest || (*rest && *rest != '='))
        return NULL;
    if (*rest)
        return rest + 1;
    if (!(*words)[1] || *(*words)[1] == '-')
        return "";
    return *++*words;
}

static int add_pattern(const char **patterns, size_t *count, const char *pattern)
{
    const char *at = pattern;

    while (*at && *at != '=' && !(*at == '*' && at[1]))
        at++;
    if (!*pattern || *at || *count == PATTERNS)
        return -1;
    patterns[(*count)++] = pattern;
    return 0;
}

/* Parses the options. Returns the words of the program; NULL after a line on standard error. */
static char **parse(char **words, struct options *options)
{
    const struct {
        const char *name;
        int *flag;
    } flags[] = {{"--children", &options->children},
                 {"--strict", &options->strict},
                 {"--seal", &options->seal},
                 {"--explain", &options->explain}};

    options->methods = choices[0].methods;
    options->automatic = 1;
    for (; *words && **words == '-'; words++) {
        const char *value;
        size_t i = 0;
        int bad = 0;

        if (ph_equal(*words, "--")) {
            words++;
            break;
        }
        while (i < sizeof flags / sizeof *flags && !ph_equal(*words, flags[i].name))
            i++;
        if (i < sizeof flags / sizeof *flags) {
            *flags[i].flag = 1;
        } else if ((value = value_of("--keep", &words))) {
            bad = add_pattern(options->keep, &options->kept, value);
        } else if ((value = value_of("--clear", &words))) {
            bad = add_pattern(options->clear, &options->cleared, value);
        } else if ((value = value_of("--method", &words))) {
            for (i = 0; i < sizeof choices / sizeof *choices; i++)
                if (ph_equal(value, choices[i].name))
                    break;
            bad = i == sizeof choices / sizeof *choices;
            options->methods = bad ? 0 : choices[i].methods;
            options->automatic = !i;
        } else {
            bad = 1;
        }
        if (bad) {
            (void)ph_complain(PH_EXIT_USAGE, *words, "bad option or value; see harden --help");
            return NULL;
        }
    }
    if (!*words) {
        (void)ph_complain(PH_EXIT_USAGE, "harden", "name a program; see harden --help");
        return NULL;
    }
    return words;
}

/* The entry LD_PRELOAD=PATH of our library, which lies beside the command or in the package of the
 * same environment: ../lib/python3.N. Returns NULL, or why there is none. */
static const char *find_library(char entry[PH_PATH])
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

    if (length <= 0)
        return "reading /proc/self/exe failed: is /proc mounted?";
    own[length] = '\0';
    for (int parts = 0; parts < 2; parts++) /* the command's name, and the folder "bin" */
        *((char *)(uintptr_t)ph_basename(own) - (*own == '/')) = '\0';
    for (unsigned long at = 0; at < 4 * 10; at++) {
        const char *const *folder = folders[at % 4];
        struct ph_text text = {entry, PH_PATH, 0, 0};

        ph_add(&text, "LD_PRELOAD=");
        ph_add(&text, own);
        ph_add(&text, folder[0]);
        if (folder[1]) {
            ph_add_number(&text, 10 + at / 4);
            ph_add(&text, folder[1]);
        }
        ph_add(&text, "/libprocess_hardening.so");
        if (text.cut || ph_syscall(SYS_faccessat, AT_FDCWD, (long)(entry + sizeof "LD_PRELOAD"),
                                   R_OK, 0, 0))
            continue;
        for (const char *c = entry; *c; c++)
            if (*c == ':' || *c == ' ')
                return "LD_PRELOAD cannot name our library: install it into a path without blank"
                       " and colon";
        return NULL;
    }
    return "our library is not installed beside this command";
}

/* Why a method cannot be used, as far as that is known without trying it; else NULL. */
static const char *objection(enum method method, const char *no_library)
{
    if (method == PRELOAD && program.is_native && !program.has_interpreter)
        return "it is statically linked";
    if (method == PRELOAD)
        return program.is_native ? no_library : "it is for another architecture than our library";
    if (BIT(method) & STAND_INS && !program.is_native)
        return "it is for another architecture than the stand-in";
    if (ph_read_setting("/proc/sys/fs/suid_dumpable") == '1') /* proc_sys_fs(5) */
        return "fs.suid_dumpable=1 makes unreadable programs dumpable: sysctl fs.suid_dumpable=0";
    if ((method == STAND_IN_IN_MEMORY || method == COPY_IN_MEMORY) && program.needs_origin)
        return "it finds its libraries relative to its own file ($ORIGIN)";
    return NULL;
}

/* Whether an error justifies falling back to a method with a launch window. Errors that an attacker
 * can cause from outside (descriptors, memory, limits, signals) do not. */
static int is_refusal(long error)
{
    return error == -EPERM || error == -EACCES || error == -ENOSYS || error == -EINVAL;
}

/* Fills in the stub for the program. Returns its size, or 0 if that is impossible. */
static size_t write_stub(int rehearse)
{
    struct ph_stub_config *config = NULL;

    if (ph_stub_size > sizeof stub)
        return 0;
    for (size_t i = 0; i < ph_stub_size; i++)
        stub[i] = (char)ph_stub[i];
    for (size_t i = 0; !config && i + sizeof *config <= ph_stub_size;
         i += _Alignof(struct ph_stub_config))
        if (ph_equal(stub + i, PH_STUB_MARK))
            config = (struct ph_stub_config *)(void *)(stub + i);
    if (!config)
        return 0;
    config->program = program.identity;
    config->rehearse = (uint32_t)rehearse;
    ph_add(&(struct ph_text)PH_TEXT(config->path), program.real);
    ph_add(&(struct ph_text)PH_TEXT(config->name), program.name);
    return ph_stub_size;
}

/* Executes the program by a method. A rehearsal does so in a child, with a stub that stops before
 * the program. Returns a negative errno value with place->call, or 0 after a good rehearsal. */
static long execute(enum method method, char *const *envp, int rehearse, struct ph_place *place)
{
    struct ph_contents contents = {program.real, NULL, 0, program.fd};
    long error, pid, status;

    if (method == PRELOAD || method == UNREADABLE_FILE) {
        place->call = "execve";
        return rehearse ? 0
                        : ph_syscall(SYS_execve, (long)program.path, (long)program.argv,
                                     (long)envp, 0, 0);
    }
    if (BIT(method) & STAND_INS) {
        contents.bytes = stub;
        contents.length = write_stub(rehearse);
        if (!contents.length)
            return ph_place_failed(place, "preparing the stand-in", -ENOEXEC);
    }
    error = ph_place_make(&contents, method == STAND_IN_BY_NAME || method == COPY_BY_NAME, place);
    if (error || !rehearse)
        return error ? error : ph_place_execute(place, program.argv, envp);
    if (!contents.bytes)
        return 0; /* executing a copy would start the program */
    pid = ph_fork(0, NULL);
    if (!pid)
        ph_exit((int)-ph_place_execute(place, program.argv, envp));
    status = pid < 0 ? pid : ph_wait(pid);
    place->call = "execveat";
    if (status < 0)
        return status;
    return WIFEXITED((int)status) ? -WEXITSTATUS((int)status) : -EINTR;
}

/* One line of --explain. */
static void say(const char *label, const char *value, const char *more)
{
    char line[2 * PH_PATH];
    struct ph_text text = PH_TEXT(line);

    ph_add(&text, label);
    ph_add(&text, ":");
    while (text.length < 18)
        ph_add(&text, " ");
    ph_add(&text, value);
    ph_add(&text, more);
    for (size_t i = 0; i < text.length; i++) /* no terminal escape sequences */
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    ph_add(&text, "\n");
    (void)ph_syscall(SYS_write, 1, (long)line, (long)text.length, 0, 0);
}

static void explain(enum method method, const struct options *options, const char *because)
{
    say("program", *program.real ? program.real : program.path, "");
    say("method", names[method].text, "");
    if (*because)
        say("because", because, "");
    say("protects",
        method == PRELOAD ? "from before its main()" : "from its first instruction",
        ": no debugger, /proc/PID/mem or core dump of the same user, no injected library");
    say("does not protect",
        "its arguments; what root and CAP_SYS_PTRACE can read; what was opened of this launcher"
        " before it had hardened itself, unless root installed it with mode 0711",
        method == PRELOAD ? "; the moment between exec and the library's constructor" : "");
    if (BIT(method) & STAND_INS && program.is_writable)
        say("beware", "its user may change the program's file, and with it the running program:",
            " --strict and --method copy start a copy");
    say("children",
        options->children ? "dynamically linked ones harden too, others do not"
                          : "not hardened but for the core limit, nor is a program that this one"
                            " becomes by exec; see --children",
        "");
}

/* Whether an env line of a script sets the variable of this entry. */
static int is_set_by_script(const char *entry)
{
    for (char **at = program.variables; *at; at++) {
        const char *name = *at, *other = entry;

        while (*name == *other && *name != '=')
            name++, other++;
        if (*name == *other)
            return 1;
    }
    return 0;
}

/* Fills in the program's environment: what is left of ours, and what scripts and we set. Returns
 * its end, where the entries for our library go. */
static char **fill_environment(char **entries)
{
    for (char **at = environ; *at; at++)
        if (!is_set_by_script(*at))
            *entries++ = *at;
    for (char **at = program.variables; *at; at++)
        *entries++ = *at;
    if (aside.length > sizeof SET_ASIDE_VARIABLE)
        *entries++ = set_aside;
    return entries;
}

/* Tries one method after the other. Returns an exit status, or does not. */
static int start(const struct options *options, unsigned methods, char **entries)
{
    static char library[PH_PATH], keep[PATTERNS * 64] = PH_KEEP_VARIABLE "=";
    static char children[] = PH_CHILDREN_VARIABLE "=1";
    static char reasons[2048]; /* why not the methods so far */
    struct ph_text because = PH_TEXT(reasons);
    struct ph_text kept = {keep, sizeof keep, sizeof PH_KEEP_VARIABLE, 0};
    const char *no_library = find_library(library);
    char **end = fill_environment(entries);
    long error = 0;
    int is_caused = 0; /* an error of which somebody else may be the cause */

    end[1] = keep;
    end[2] = options->children ? children : NULL;
    end[3] = NULL;
    for (size_t i = 0; i < options->kept; i++) {
        ph_add(&kept, i ? ":" : "");
        ph_add(&kept, options->keep[i]);
    }
    if (kept.cut)
        return ph_complain(PH_EXIT_USAGE, "--keep", "too many names");
    if (options->children && no_library)
        return ph_complain(PH_EXIT_CANNOT, "--children", no_library);
    for (int method = 0; method < METHODS && error != -E2BIG; method++) {
        struct ph_place place = {-1, "", ""};
        struct ph_failure failure = {.reason = PH_CALL_FAILED};
        char description[PH_MESSAGE_SIZE];
        const char *objected;

        if (!(methods & BIT(method)) || (method == PRELOAD && is_caused))
            continue;
        objected = objection((enum method)method, no_library);
        if (!objected) {
            if (method == PRELOAD && options->automatic && !options->explain)
                (void)ph_complain(0, program.path, reasons);
            end[0] = options->children || method == PRELOAD ? library : NULL;
            error = execute((enum method)method, entries, options->explain, &place);
            if (!error && options->explain)
                explain((enum method)method, options, reasons);
            else if (!error) /* a faked success */
                error = -EIO;
            if (!error || error == -PH_EXIT_CANNOT) /* the stub has printed the reason */
                return (int)-error;
            is_caused |= !is_refusal(error);
            /* A filter refuses it for every place, whatever happened to another one. */
            if (ph_equal(place.call, "execveat") && (error == -EPERM || error == -ENOSYS))
                is_caused = 0;
            failure.error = (int)-error;
            failure.call = place.call;
            ph_describe(&failure, description, sizeof description);
            objected = description;
        }
        ph_add(&because, because.length ? "; not " : "not ");
        ph_add(&because, names[method].shortly);
        ph_add(&because, ": ");
        ph_add(&because, objected);
    }
    return ph_complain(PH_EXIT_CANNOT, program.path, reasons);
}

/* Completes the policy by what the options say. */
static void fill_policy(struct ph_policy *policy, struct options *options)
{
    for (size_t i = 0; i < OWN_COUNT; i++)
        options->clear[options->cleared++] = own_variables[i];
    for (size_t i = 0; options->strict && strict_variables[i]; i++)
        options->clear[options->cleared++] = strict_variables[i];
    if (options->strict || options->seal)
        policy->steps |= PH_BIT(PH_NO_NEW_PRIVS);
    if (options->seal)
        policy->steps |= PH_BIT(PH_SEAL);
}

static int run(int argc, char **argv)
{
    static struct options options;
    const struct ph_policy first = {PH_BIT(PH_INSPECTION) | PH_BIT(PH_CORE_LIMIT), 1, NULL, NULL,
                                    PH_BYPASS_VARIABLE};
    const struct ph_visitor removed = {put_aside, NULL};
    struct ph_policy policy = {PH_DEFAULT_STEPS, 1, options.clear, options.keep,
                               PH_BYPASS_VARIABLE};
    /* Before anything else. */
    const int bypassed = enforce(&first, NULL, 0);
    char **words = parse(argv + 1, &options);
    char *arguments[PH_SPARE + argc + 1];
    char **entries = environ;
    size_t count = 0;
    unsigned methods = options.methods;
    int status;

    if (!words)
        return PH_EXIT_USAGE;
    while (words[count]) {
        arguments[PH_SPARE + count] = words[count];
        count++;
    }
    arguments[PH_SPARE + count] = NULL;
    fill_policy(&policy, &options);
    take_over_set_aside();
    (void)enforce(&policy, &removed, 1);
    status = ph_program_find(&program, arguments + PH_SPARE);
    if (status)
        return status;
    if (bypassed) {
        if (options.explain) {
            say("program", program.path, "");
            say("protects", "nothing: the bypass variable is set", "");
            return 0;
        }
        (void)ph_syscall(SYS_execve, (long)program.path, (long)program.argv, (long)environ, 0, 0);
        return ph_complain(PH_EXIT_CANNOT, program.path, "execve failed");
    }
    for (count = 0; entries[count];)
        count++;
    if (program.fd < 0)
        methods = BIT(UNREADABLE_FILE);
    else if (methods & STAND_INS &&
             (!program.is_native || (options.strict && program.is_writable)))
        methods = (methods & ~STAND_INS) | COPIES;
    {
        char *environment[count + ADDED + 4];

        return start(&options, methods, environment);
    }
}

uintptr_t ph_start(uintptr_t *stack)
{
    const int argc = (int)*stack;
    char **argv = (char **)(stack + 1);
    char **end = argv + argc + 1;

    environ = end;
    while (*end)
        end++;
    vector = (const ElfW(auxv_t) *)(void *)(end + 1);
    if (argc < 1)
        ph_exit(ph_complain(PH_EXIT_USAGE, "harden", "started without a name of its own"));
    if (argc == 2 && (ph_equal(argv[1], "--help") || ph_equal(argv[1], "-h"))) {
        (void)ph_syscall(SYS_write, 1, (long)usage, sizeof usage - 1, 0, 0);
        ph_exit(0);
    }
    ph_exit(run(argc, argv));
}
