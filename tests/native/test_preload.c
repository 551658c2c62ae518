/* The preload library: its dependencies, and the state of a program of each libc at
 * the start of main(). Arguments: the library, then "LIBC=WITNESS" for each libc. */
#define _GNU_SOURCE
#include "child.h"

#include <link.h>
#include <sys/resource.h>

#define CHILDREN "PROCESS_HARDENING_CHILDREN"
#define EXCEPT "PROCESS_HARDENING_EXCEPT"
#define FOLLOW "PROCESS_HARDENING_FOLLOW"
#define BYPASS "PROCESS_HARDENING_BYPASS"

static const char *library, *witness;
static char preload[4096], preload_twice[8192], follow[128];

/* --- The file ----------------------------------------------------------------- */

static void check_dynamic(const ElfW(Dyn) *dynamic)
{
    for (; dynamic->d_tag != DT_NULL; dynamic++) {
        CHECK(dynamic->d_tag != DT_NEEDED);
        CHECK(dynamic->d_tag != DT_TEXTREL);
        CHECK(dynamic->d_tag != DT_RPATH && dynamic->d_tag != DT_RUNPATH);
    }
}

/* Exported symbols replace those of other libraries: these, and no others. */
static const char *const exported[] = {
    "execl", "execle", "execlp", "execv", "execve", "execveat", "execvp", "execvpe", "fexecve",
    "readlink", "readlinkat", "realpath", "__readlink_chk", "__readlinkat_chk", "__realpath_chk",
    "canonicalize_file_name",
};

static int is_exported(const char *name)
{
    for (size_t i = 0; i < SIZE(exported); i++)
        if (!strcmp(name, exported[i]))
            return 1;
    return 0;
}

/* Undefined symbols are weak, since no library has to define them. */
static int check_symbols(const ElfW(Sym) *symbols, size_t count, const char *names)
{
    int undefined = 0;

    for (size_t i = 1; i < count; i++) {
        /* The same layout for both sizes of ELF. */
        unsigned char binding = symbols[i].st_info >> 4;

        if (symbols[i].st_shndx == SHN_UNDEF) {
            undefined++;
            CHECK(binding == STB_WEAK);
        } else {
            CHECK(binding == STB_LOCAL || is_exported(names + symbols[i].st_name));
        }
    }
    return undefined;
}

static void test_file(void)
{
    int fd = open(library, O_RDONLY | O_CLOEXEC), found_dynamic = 0, found_symbols = 0;
    off_t size = lseek(fd, 0, SEEK_END);
    char *file = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
    const ElfW(Ehdr) *header = (const void *)file;
    const ElfW(Shdr) *sections;

    check_case = "the file";
    if (!CHECK(file != MAP_FAILED))
        return;
    sections = (const void *)(file + header->e_shoff);
    for (size_t i = 0; i < header->e_shnum; i++) {
        const void *content = file + sections[i].sh_offset;

        if (sections[i].sh_type == SHT_DYNAMIC) {
            check_dynamic(content);
            found_dynamic = 1;
        } else if (sections[i].sh_type == SHT_DYNSYM) {
            /* At least environ, or no symbol was checked. */
            CHECK(check_symbols(content, sections[i].sh_size / sizeof(ElfW(Sym)),
                                file + sections[sections[i].sh_link].sh_offset) > 0);
            found_symbols = 1;
        }
    }
    CHECK(found_dynamic && found_symbols);
    munmap(file, (size_t)size);
    close(fd);
}

/* --- The program ---------------------------------------------------------------- */

static const char *const again[] = {NULL, "again", NULL};
static const char *const once[] = {NULL, NULL};

#define HARDENED "dumpable 0\ncore 0 0 0\n"
/* One is the soft limit and five the hard one where the test can set that. */
#define EXPOSED "dumpable 1\ncore 0 1 5\n"
#define VARIABLES(list) "variables" list "\nblock" list "\n"
/* How the table abbreviates long names of this run. */
#define PRELOAD "LD_PRELOAD=@"
#define WARNING(text) "process-hardening: " text "\n"
#define LAST_WORDS(text, status)                              \
    WARNING(text "; exiting with status " status              \
                 " (CODEX_SKIP_HARDENING=1 starts without hardening, which exposes secrets)")

static const struct start {
    const char *name;
    const char *const *arguments;
    const char *variables[6]; /* besides LD_PRELOAD, which is the second */
    char between;             /* if LD_PRELOAD lists the library twice */
    struct rule rules[MAX_RULES];
    int status;
    const char *out; /* without irrelevant lines */
    const char *err;
} starts[] = {
    {"alone", once, {"A=1"}, 0, {{0}}, 0, HARDENED VARIABLES("|A=1"), ""},
    {"other variables", once, {"A=1", "LD_X=1", "B=2", "LD_LIBRARY_PATH=/nonexistent"}, 0, {{0}}, 0,
     HARDENED VARIABLES("|A=1|B=2"), ""},
    {"what it becomes by exec", again, {"A=1"}, 0, {{0}}, 0,
     HARDENED VARIABLES("|A=1") HARDENED VARIABLES("|A=1"), ""},
    {"children", again, {"A=1", CHILDREN "=1", "LD_X=1"}, 0, {{0}}, 0,
     HARDENED VARIABLES("|A=1|" PRELOAD "|" CHILDREN "=1")
         HARDENED VARIABLES("|A=1|" PRELOAD "|" CHILDREN "=1"),
     ""},
    {"children, not 1", once, {"A=1", CHILDREN "=0"}, 0, {{0}}, 0,
     HARDENED VARIABLES("|A=1|" CHILDREN "=0"), ""},
    {"children, not 1 but 10", once, {"A=1", CHILDREN "=10"}, 0, {{0}}, 0,
     HARDENED VARIABLES("|A=1|" CHILDREN "=10"), ""},
    {"children, another library", once, {"A=1", CHILDREN "=1"}, ':', {{0}}, 0,
     HARDENED VARIABLES("|A=1|" PRELOAD ":@|" CHILDREN "=1"), ""},
    {"children, another library after a tab", once, {"A=1", CHILDREN "=1"}, '\t', {{0}}, 0,
     HARDENED VARIABLES("|A=1|" PRELOAD "\t@|" CHILDREN "=1"), ""},
    {"after an exec", once, {"A=1", FOLLOW "=-", "LD_X=1"}, 0, {{0}}, 0,
     HARDENED VARIABLES("|A=1|LD_X=1"), ""},
    {"after an exec, with a library of the program's", once, {"A=1", FOLLOW "=@"}, ':', {{0}}, 0,
     HARDENED VARIABLES("|A=1|" PRELOAD), ""},
    {"after an exec, with a damaged marker", once, {"A=1", FOLLOW "=99999999999999999999999"}, 0,
     {{0}}, 0, HARDENED VARIABLES("|A=1|" PRELOAD), ""},
    {"a path of its own", once, {"A=1", "PROCESS_HARDENING_PROGRAM=/x"}, 0, {{0}}, 0,
     HARDENED VARIABLES("|A=1"), ""},
    {"children, an exception", again, {"A=1", CHILDREN "=1", EXCEPT "=x:wit*s?_*"}, 0, {{0}}, 0,
     EXPOSED VARIABLES("|A=1|" PRELOAD "|" CHILDREN "=1|" EXCEPT "=x:wit*s?_*")
         EXPOSED VARIABLES("|A=1|" PRELOAD "|" CHILDREN "=1|" EXCEPT "=x:wit*s?_*"),
     ""},
    {"children, the exception of another program", once, {"A=1", CHILDREN "=1", EXCEPT "=witness"},
     0, {{0}}, 0,
     HARDENED VARIABLES("|A=1|" PRELOAD "|" CHILDREN "=1|" EXCEPT "=witness"), ""},
    {"an exception in the environment after an exec", once, {"A=1", FOLLOW "=-", EXCEPT "=*"}, 0,
     {{0}}, 0, HARDENED VARIABLES("|A=1|" EXCEPT "=*"), ""},
    {"children and an exception in the environment after an exec", once,
     {"A=1", FOLLOW "=-", CHILDREN "=1", EXCEPT "=*"}, 0, {{0}}, 0,
     HARDENED VARIABLES("|A=1|" CHILDREN "=1|" EXCEPT "=*"), ""},
    {"bypass after an exec", once, {"A=1", FOLLOW "=-", "CODEX_SKIP_HARDENING=1"}, 0, {{0}}, 0,
     EXPOSED VARIABLES("|A=1|CODEX_SKIP_HARDENING=1"),
     WARNING("CODEX_SKIP_HARDENING=1: starting without hardening, which exposes secrets")},
    {"another bypass", once, {"A=1", BYPASS "=B", "B=1"}, 0, {{0}}, 0,
     EXPOSED VARIABLES("|A=1|" PRELOAD "|" BYPASS "=B|B=1"),
     WARNING("B=1: starting without hardening, which exposes secrets")},
    {"another bypass, not set", once, {"A=1", BYPASS "=B", "CODEX_SKIP_HARDENING=1"}, 0, {{0}}, 0,
     HARDENED VARIABLES("|A=1|CODEX_SKIP_HARDENING=1"), ""},
    {"no bypass variable after an exec", once,
     {"A=1", FOLLOW "=-", BYPASS "=", "CODEX_SKIP_HARDENING=1", "=1"}, 0, {{0}}, 0,
     HARDENED VARIABLES("|A=1|CODEX_SKIP_HARDENING=1|=1"), ""},
    {"no bypass variable for what it becomes", again, {"A=1", BYPASS "=", "CODEX_SKIP_HARDENING=1"},
     0, {{0}}, 0,
     HARDENED VARIABLES("|A=1|CODEX_SKIP_HARDENING=1")
         HARDENED VARIABLES("|A=1|CODEX_SKIP_HARDENING=1"), ""},
    {"no bypass variable for children", again,
     {"A=1", CHILDREN "=1", BYPASS "=", "CODEX_SKIP_HARDENING=1"}, 0, {{0}}, 0,
     HARDENED VARIABLES("|A=1|" PRELOAD "|" CHILDREN "=1|" BYPASS "=|CODEX_SKIP_HARDENING=1")
         HARDENED VARIABLES("|A=1|" PRELOAD "|" CHILDREN "=1|CODEX_SKIP_HARDENING=1|" BYPASS "="),
     ""},
    {"dumpable refused after an exec", once, {"A=1", FOLLOW "=-"}, 0,
     {{SYS_prctl, 0, PR_SET_DUMPABLE, FAIL(EPERM)}}, 5, "",
     LAST_WORDS("prctl(PR_SET_DUMPABLE, 0) failed: Operation not permitted (EPERM)", "5")},
    {"bypass", once, {"A=1", "CODEX_SKIP_HARDENING=1"}, 0, {{0}}, 0,
     EXPOSED VARIABLES("|A=1|" PRELOAD "|CODEX_SKIP_HARDENING=1"),
     WARNING("CODEX_SKIP_HARDENING=1: starting without hardening, which exposes secrets")},
    {"no bypass", once, {"A=1", "CODEX_SKIP_HARDENING=0"}, 0, {{0}}, 0,
     HARDENED VARIABLES("|A=1|CODEX_SKIP_HARDENING=0"), ""},
    {"dumpable refused", once, {"A=1"}, 0, {{SYS_prctl, 0, PR_SET_DUMPABLE, FAIL(EPERM)}}, 5, "",
     LAST_WORDS("prctl(PR_SET_DUMPABLE, 0) failed: Operation not permitted (EPERM)", "5")},
    {"dumpable lies", once, {"A=1"}, 0, {{SYS_prctl, 0, PR_SET_DUMPABLE, LIE}}, 5, "",
     LAST_WORDS("prctl(PR_SET_DUMPABLE, 0) reported success but is not in force (read back: 1)",
                "5")},
    {"core limit refused", once, {"A=1"}, 0, {{SYS_prlimit64, 1, RLIMIT_CORE, FAIL(EPERM)}}, 7, "",
     LAST_WORDS("setrlimit(RLIMIT_CORE, {0, 0}) failed: Operation not permitted (EPERM)", "7")},
    {"core limit lies", once, {"A=1"}, 0,
     {{SYS_prlimit64, 2, 0, ALLOW}, {SYS_prlimit64, 1, RLIMIT_CORE, LIE}}, 7, "",
     LAST_WORDS("setrlimit(RLIMIT_CORE, {0, 0}) reported success but is not in force "
                "(read back: 5)", "7")},
};

static void become_witness(const void *argument)
{
    const struct start *start = argument;
    const struct rlimit limit = {1, 5};
    const char *variables[SIZE(start->variables) + 2] = {start->variables[0]};
    const char *argv[3] = {witness, start->arguments[1]};

    variables[1] = start->between ? preload_twice : preload;
    for (size_t i = 1; i < SIZE(start->variables) && start->variables[i]; i++)
        variables[i + 1] =
            strcmp(start->variables[i], FOLLOW "=@") ? start->variables[i] : follow;
    if (setrlimit(RLIMIT_CORE, &limit) ||
        (start->rules[0].action && install_rules(start->rules)))
        _exit(95);
    execve(witness, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)variables);
}

/* Keeps the lines that the table has, with "@" for the path of the library. */
static void simplify(char *text)
{
    static const char *const labels[] = {"dumpable", "core", "variables", "block"};
    char *to = text, *next;

    for (char *line = text; *line; line = next) {
        int matters = 0;

        next = strchr(line, '\n');
        next = next ? next + 1 : line + strlen(line);
        for (size_t i = 0; i < SIZE(labels); i++)
            matters |= !strncmp(line, labels[i], strlen(labels[i]));
        while (matters && line < next) {
            if (!strncmp(line, library, strlen(library))) {
                line += strlen(library);
                *to++ = '@';
            } else {
                *to++ = *line++;
            }
        }
    }
    *to = '\0';
}

static void test_starts(const char *libc)
{
    static struct output output;
    struct rlimit now;
    char name[128];

    if (getrlimit(RLIMIT_CORE, &now) || now.rlim_max < 5) {
        not_tested(libc, "the hard limit of core files is lower than 5");
        return;
    }
    for (size_t i = 0; i < SIZE(starts); i++) {
        snprintf(name, sizeof name, "%s, %s", libc, starts[i].name);
        check_case = name;
        /* glibc looks for one library of that whole name, and finds none. */
        if (starts[i].between == '\t' && strcmp(libc, "musl"))
            continue;
        snprintf(preload_twice, sizeof preload_twice, "LD_PRELOAD=%s%c%s", library,
                 starts[i].between, library);
        capture(become_witness, &starts[i], &output);
        simplify(output.out);
        CHECK(exited_with(&output, starts[i].status));
        CHECK_TEXT(output.out, starts[i].out);
        CHECK_TEXT(output.err, starts[i].err);
    }
    check_case = "";
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    library = argv[1];
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", library);
    snprintf(follow, sizeof follow, FOLLOW "=%zu", strlen(library));
    test_file();
    for (int i = 2; i < argc; i++) {
        char *path = strchr(argv[i], '=');

        if (!CHECK(path))
            continue;
        *path = '\0';
        witness = path + 1;
        if (*witness)
            test_starts(argv[i]);
        else
            not_tested(argv[i], "its compiler is not installed here");
    }
    return check_summary();
}
