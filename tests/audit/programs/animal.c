/* A process of the zoo: does to itself what its arguments say, reports over a
 * pipe what it knows about itself, and stays until its standard input ends. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
extern ElfW(Dyn) _DYNAMIC[] __attribute__((weak)); /* not in a static program */

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* Who traces the calling thread, which /proc tells the process itself, too. */
static int tracer(void)
{
    char line[256];
    int pid = -1;
    FILE *status = fopen("/proc/thread-self/status", "r");

    if (!status)
        fail("/proc/thread-self/status");
    while (fgets(line, sizeof line, status))
        if (sscanf(line, "TracerPid: %d", &pid) == 1)
            break;
    fclose(status);
    return pid;
}

/* The files whose code is mapped, each after a tab. */
static void print_code(void)
{
    char line[8192];
    FILE *maps = fopen("/proc/thread-self/maps", "r");

    if (!maps)
        fail("/proc/thread-self/maps");
    while (fgets(line, sizeof line, maps)) {
        char *path = strchr(line, '/');
        char rights[5] = "";

        sscanf(line, "%*s %4s", rights);
        if (path && rights[2] == 'x')
            printf("\t%.*s", (int)strcspn(path, "\n"), path);
    }
    fclose(maps);
}

static void tell(void)
{
    struct rlimit core;

    if (getrlimit(RLIMIT_CORE, &core))
        fail("getrlimit");
    printf("%d %d %lld %lld %d", getpid(), prctl(PR_GET_DUMPABLE),
           core.rlim_cur == RLIM_INFINITY ? -1 : (long long)core.rlim_cur,
           core.rlim_max == RLIM_INFINITY ? -1 : (long long)core.rlim_max, tracer());
    print_code();
    printf("\n");
    fflush(stdout);
}

/* Becomes two programs in turn, for ever: the one called "hard" hardens itself, "soft" does not. */
static void alternate(char **argv, const char *hard, const char *soft)
{
    int is_hard = strcmp(argv[0], hard) == 0;

    if (is_hard)
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    usleep(500);
    argv[0] = (char *)(is_hard ? soft : hard);
    execv(argv[0], argv);
    fail("exec");
}

static void stay(void)
{
    char line[64];

    while (fgets(line, sizeof line, stdin))
        tell();
}

static void *stay_in_thread(void *unused)
{
    pthread_t *leader = unused;

    pthread_join(*leader, NULL);
    tell();
    stay();
    exit(0);
}

static void *wait_for_ever(void *unused)
{
    for (;;)
        pause();
    return unused;
}

/* count threads that wait. */
static void start_threads(int count)
{
    pthread_attr_t attributes;
    pthread_t thread;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 1 << 16);
    while (count--)
        if (pthread_create(&thread, &attributes, wait_for_ever, NULL))
            fail("pthread_create");
}

/* A file, mapped count times, each page by itself. Returns the last one. */
static void *map_file(const char *path, int count)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const int fd = open(path, O_RDONLY);
    void *mapped = NULL;

    while (count--) {
        mapped = mmap(NULL, page, count % 2 ? PROT_READ : PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
        if (mapped == MAP_FAILED)
            fail(path);
    }
    close(fd);
    return mapped;
}

/* Has the list of the dynamic loader begin elsewhere. */
static void move_list(struct link_map *first)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);

    for (ElfW(Dyn) *at = _DYNAMIC; at && at->d_tag != DT_NULL; at++) {
        struct r_debug *debug = (struct r_debug *)at->d_un.d_ptr;

        if (at->d_tag != DT_DEBUG)
            continue;
        if (mprotect((void *)(at->d_un.d_ptr & -page), page, PROT_READ | PROT_WRITE))
            fail("mprotect");
        debug->r_map = first;
    }
}

/* A list in a file, of which no page is read yet. */
static struct link_map *list_in_file(const char *path)
{
    struct link_map *first = map_file(path, 1);

    if (madvise(first, (size_t)sysconf(_SC_PAGESIZE), MADV_RANDOM))
        fail("madvise");
    return first;
}

/* A list of libraries, each of which needs others, and has as many other tags as most have. */
static struct link_map *list_of(size_t libraries, size_t needed)
{
    enum { NAME = 40, OTHERS = 25 };
    static char path[] = "/usr/lib/x86_64-linux-gnu/components/libcomponent.so.6";
    struct link_map *maps = calloc(libraries, sizeof *maps);
    ElfW(Dyn) *tags = calloc(needed + OTHERS + 2, sizeof *tags);
    char *names = calloc(needed + 1, NAME);

    if (!maps || !tags || !names)
        fail("calloc");
    for (size_t i = 0; i < needed; i++) {
        snprintf(names + NAME * i, NAME, "libcomponent-%zu.so.6", i);
        tags[i] = (ElfW(Dyn)){.d_tag = DT_NEEDED, .d_un.d_val = NAME * i};
    }
    for (size_t i = 0; i < OTHERS; i++)
        tags[needed + i] = (ElfW(Dyn)){.d_tag = DT_SYMTAB, .d_un.d_ptr = (ElfW(Addr))names};
    tags[needed + OTHERS] = (ElfW(Dyn)){.d_tag = DT_STRTAB, .d_un.d_ptr = (ElfW(Addr))names};
    for (size_t i = 0; i < libraries; i++) {
        maps[i].l_name = path;
        maps[i].l_ld = tags;
        maps[i].l_next = i + 1 < libraries ? &maps[i + 1] : NULL;
    }
    return maps;
}

/* All entries, or those of the loader. How: 0 zeroes them, X hides their names, - leaves no '='. */
static void wipe(char how, int all)
{
    for (char **at = environ; *at; at++) {
        if (!all && strncmp(*at, "LD_", 3))
            continue;
        if (how == '0')
            memset(*at, 0, strlen(*at));
        else if (how == 'X')
            memcpy(*at, "XY", 2);
        else
            memset(*at, '-', strlen(*at));
    }
}

int main(int argc, char **argv)
{
    static pthread_t leader;
    pthread_t thread;

    for (int i = 1; i < argc; i++) {
        const char *mode = argv[i];

        if (!strncmp(mode, "name=", 5)) {
            prctl(PR_SET_NAME, mode + 5);
        } else if (!strcmp(mode, "undump")) {
            prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        } else if (!strncmp(mode, "core=", 5)) {
            unsigned long soft, hard;

            if (sscanf(mode, "core=%lu,%lu", &soft, &hard) != 2 ||
                setrlimit(RLIMIT_CORE, &(struct rlimit){soft, hard}))
                fail("setrlimit");
        } else if (!strncmp(mode, "wipe=", 5)) {
            wipe(mode[5], mode[6] == '*');
        } else if (!strncmp(mode, "maps=", 5)) {
            long page = sysconf(_SC_PAGESIZE);

            for (int n = atoi(mode + 5); n > 0; n--)
                if (mmap(NULL, (size_t)page, n % 2 ? PROT_READ : PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
                    fail("mmap");
        } else if (!strncmp(mode, "threads=", 8)) {
            start_threads(atoi(mode + 8));
        } else if (!strncmp(mode, "files=", 6)) {
            for (int n = atoi(mode + 6); n > 0; n--)
                if (dup(2) < 0)
                    fail("dup");
        } else if (!strcmp(mode, "map")) { /* PATH COUNT */
            map_file(argv[i + 1], atoi(argv[i + 2]));
            i += 2;
        } else if (!strcmp(mode, "list")) { /* PATH */
            move_list(list_in_file(argv[++i]));
        } else if (!strcmp(mode, "libraries")) { /* COUNT NEEDED */
            move_list(list_of((size_t)atol(argv[i + 1]), (size_t)atol(argv[i + 2])));
            i += 2;
#ifdef APART /* musl and static programs have no other namespaces */
        } else if (!strcmp(mode, "apart")) { /* LIBRARY */
            if (!dlmopen(LM_ID_NEWLM, argv[++i], RTLD_NOW))
                fail(argv[i]);
#endif
        } else if (!strcmp(mode, "no-new-privs")) {
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        } else if (!strcmp(mode, "unshare")) {
            if (unshare(CLONE_NEWUSER))
                fail("unshare");
        } else if (!strcmp(mode, "trace-me")) {
            pid_t child = fork();

            if (!child) {
                ptrace(PTRACE_TRACEME, 0, NULL, NULL);
                tell();
                stay();
                _exit(0);
            }
            waitpid(child, NULL, 0);
            return 0;
        } else if (!strcmp(mode, "zombie")) {
            pid_t child = fork();

            if (!child)
                _exit(0);
            if (waitid(P_PID, (id_t)child, &(siginfo_t){0}, WEXITED | WNOWAIT))
                fail("waitid");
            printf("%d 0 0 0 0\n", child);
            fflush(stdout);
            stay();
            return 0;
        } else if (!strcmp(mode, "no-leader")) {
            leader = pthread_self();
            if (pthread_create(&thread, NULL, stay_in_thread, &leader))
                fail("pthread_create");
            pthread_exit(NULL);
        } else if (!strcmp(mode, "exec")) {
            execv(argv[i + 1], argv + i + 1);
            fail("exec");
        } else if (!strcmp(mode, "mill")) { /* children that end at once, one after the other */
            tell();
            for (;;) {
                pid_t child = fork();

                if (!child)
                    _exit(0);
                waitpid(child, NULL, 0);
            }
        } else if (!strcmp(mode, "alternate")) {
            if (strcmp(argv[0], argv[i + 1]) && strcmp(argv[0], argv[i + 2])) {
                tell();
                argv[0] = argv[i + 2];
            }
            alternate(argv, argv[i + 1], argv[i + 2]);
        } else if (!strcmp(mode, "fork")) {
            pid_t child = fork();

            if (child) {
                waitpid(child, NULL, 0);
                return 0;
            }
        }
    }
    tell();
    stay();
    return 0;
}
