/* A library for LD_PRELOAD or LD_AUDIT that hides from /proc/PID/environ that it was requested: by
 * cutting itself out of the value, or with RENAME by giving the variable another name. With NAME,
 * it also gives itself this name in the loader's list. With ANONYMOUS, it replaces its mappings by
 * copies that are of no file; if a variable ALL is set, all but the loader's. If UNLINK is set, it
 * removes itself from the list. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

unsigned int la_version(unsigned int version);

unsigned int la_version(unsigned int version)
{
    return version;
}

static struct link_map *find_itself(void)
{
    struct link_map *library = NULL;
    Dl_info unused;

    if (!dladdr1((void *)find_itself, &unused, (void **)&library, RTLD_DL_LINKMAP))
        abort();
    return library;
}

#ifdef ANONYMOUS
static void become_anonymous(void)
{
    const char *name = getenv("ALL") ? "/" : find_itself()->l_name;
    struct { unsigned long start, end; int rights; } found[64];
    size_t count = 0;
    char line[4096], rights[5];
    FILE *maps = fopen("/proc/self/maps", "r");

    if (!maps)
        abort();
    while (count < 64 && fgets(line, sizeof line, maps))
        if (strstr(line, name) && !strstr(line, "/ld-") && sscanf(line, "%lx-%lx %4s", &found[count].start,
                                         &found[count].end, rights) == 3)
            found[count++].rights = (rights[0] == 'r' ? PROT_READ : 0) |
                                    (rights[1] == 'w' ? PROT_WRITE : 0) |
                                    (rights[2] == 'x' ? PROT_EXEC : 0);
    fclose(maps);
    while (count--) {
        const size_t size = found[count].end - found[count].start;
        char *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (!(found[count].rights & PROT_READ))
            continue;
        memcpy(copy, (void *)found[count].start, size);
        mprotect(copy, size, found[count].rights);
        if (mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, found[count].start) ==
            MAP_FAILED)
            abort();
    }
}
#endif

__attribute__((constructor)) static void hide(void)
{
    struct link_map *library = find_itself();

#ifdef ANONYMOUS
    become_anonymous();
#endif
#ifdef NAME
    library->l_name = (char *)NAME;
#endif
    if (getenv("UNLINK")) {
        library->l_prev->l_next = library->l_next;
        library->l_next->l_prev = library->l_prev;
    }
}

__attribute__((constructor)) static void forge(int count, char **arguments, char **environment)
{
    (void)count;
    (void)arguments;
    for (; *environment; environment++) {
        char *colon = strchr(*environment, ':');

        if (strncmp(*environment, "LD_PRELOAD=", 11) && strncmp(*environment, "LD_AUDIT=", 9))
            continue;
#ifdef RENAME
        (*environment)[0] = 'X';
#endif
        if (colon)
            memcpy(colon, "\0A=", 3);
    }
}
