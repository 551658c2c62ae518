/* Reads the file that is about to be executed. The file can change afterwards: that affects whether
 * the program is followed, and nothing else. */
#define _GNU_SOURCE
#include "target.h"

#include "../core/text.h"
#include "../launch/linux_file.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <sys/stat.h>

#define LINE 256      /* BINPRM_BUF_SIZE: what the kernel reads of a "#!" line */
#define INTERPRETERS 5 /* how deep the kernel follows them: fs/exec.c exec_binprm() */
#define ENTRIES 256   /* of the dynamic section: more than any program has */

/* Our own header says which architecture this is. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

/* Libraries that refuse to work when another one comes first. */
static const char *const runtimes[] = {"libasan.so", "libclang_rt.asan", "libtsan.so",
                                       "libhwasan.so", "libclang_rt.hwasan"};

int ph_begins_with_runtime(const char *libraries)
{
    for (size_t i = 0; i < sizeof runtimes / sizeof *runtimes; i++)
        if (ph_after(libraries, runtimes[i]))
            return 1;
    return 0;
}

static int reads(long fd, void *to, size_t size, uint64_t offset)
{
    return ph_read_at(fd, to, size, offset) == (long)size;
}

/* The dynamic section and where its strings are in the file. */
struct dynamic {
    ElfW(Dyn) entries[ENTRIES];
    size_t count;
    uint64_t strings;
};

static void read_dynamic(long fd, const ElfW(Phdr) *segments, size_t segment_count,
                         const ElfW(Phdr) *segment, struct dynamic *dynamic)
{
    const long size = ph_read_at(fd, dynamic->entries, sizeof dynamic->entries, segment->p_offset);
    ElfW(Addr) strings = 0;

    dynamic->count = 0;
    dynamic->strings = 0;
    while (size > 0 && dynamic->count < (size_t)size / sizeof *dynamic->entries &&
           dynamic->entries[dynamic->count].d_tag != DT_NULL) {
        if (dynamic->entries[dynamic->count].d_tag == DT_STRTAB)
            strings = dynamic->entries[dynamic->count].d_un.d_ptr;
        dynamic->count++;
    }
    for (const ElfW(Phdr) *at = segments; at < segments + segment_count; at++)
        if (at->p_type == PT_LOAD && strings - at->p_vaddr < at->p_filesz)
            dynamic->strings = at->p_offset + (strings - at->p_vaddr);
}

/* Sets runtime to the first needed library that has to come first. */
static void find_runtime(long fd, const struct dynamic *dynamic, char runtime[PH_RUNTIME])
{
    for (const ElfW(Dyn) *at = dynamic->entries; at < dynamic->entries + dynamic->count; at++) {
        long length;

        if (at->d_tag != DT_NEEDED)
            continue;
        length = ph_read_at(fd, runtime, PH_RUNTIME - 1, dynamic->strings + at->d_un.d_val);
        runtime[length < 0 ? 0 : length] = '\0';
        if (ph_begins_with_runtime(runtime))
            return;
    }
    *runtime = '\0';
}

/* A dynamic loader itself has no PT_INTERP, but a name, which static programs have not. */
static int is_loader(const struct dynamic *dynamic)
{
    for (const ElfW(Dyn) *at = dynamic->entries; at < dynamic->entries + dynamic->count; at++)
        if (at->d_tag == DT_SONAME)
            return 1;
    return 0;
}

int ph_loads_library(long fd, char runtime[PH_RUNTIME])
{
    ElfW(Ehdr) file;
    ElfW(Phdr) segments[PH_ELF_TABLE / sizeof(ElfW(Phdr))];
    struct dynamic dynamic = {.count = 0};
    int has_interpreter = 0;

    *runtime = '\0';
    if (!reads(fd, &file, sizeof file, 0) || file.e_machine != __ehdr_start.e_machine ||
        file.e_ident[EI_CLASS] != __ehdr_start.e_ident[EI_CLASS] ||
        file.e_ident[EI_DATA] != __ehdr_start.e_ident[EI_DATA] ||
        file.e_phnum > sizeof segments / sizeof *segments ||
        !reads(fd, segments, file.e_phnum * sizeof *segments, file.e_phoff))
        return 0;
    for (size_t i = 0; i < file.e_phnum; i++) {
        has_interpreter |= segments[i].p_type == PT_INTERP;
        if (segments[i].p_type == PT_DYNAMIC)
            read_dynamic(fd, segments, file.e_phnum, &segments[i], &dynamic);
    }
    find_runtime(fd, &dynamic, runtime);
    return has_interpreter || is_loader(&dynamic);
}

/* Whether the loader would ignore our library: set-user-ID, set-group-ID, file capabilities. */
static int has_privileges(long fd, uint16_t mode)
{
    char one;

    return mode & S_ISUID || (mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) ||
           (fd >= 0 && ph_syscall(SYS_fgetxattr, fd, (long)"security.capability", (long)&one, 0,
                                  0) > 0);
}

/* Cuts the interpreter out of a "#!" line. Returns it, or NULL. */
static const char *find_interpreter(char line[LINE + 1])
{
    char *start = line + 2, *end;

    if (line[0] != '#' || line[1] != '!')
        return NULL;
    while (*start == ' ' || *start == '\t')
        start++;
    for (end = start; *end && *end != ' ' && *end != '\t' && *end != '\n';)
        end++;
    *end = '\0';
    return *start ? start : NULL;
}

int ph_is_followable(long folder, const char *path, int flags, char runtime[PH_RUNTIME])
{
    char line[LINE + 1], link[32];
    struct ph_text text = PH_TEXT(link);

    *runtime = '\0';
    if (flags & AT_EMPTY_PATH) {
        ph_add(&text, "/proc/self/fd/");
        ph_add_number(&text, (unsigned long)folder);
        path = link;
    }
    for (int depth = 0; path && depth <= INTERPRETERS; depth++, folder = AT_FDCWD) {
        const long how = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_LARGEFILE;
        struct ph_statx file;
        long fd, length;
        int loads, is_privileged;

        if (ph_stat(folder, path, 0, &file) || !S_ISREG(file.mode))
            return 0;
        fd = ph_syscall(SYS_openat, folder, (long)path, how, 0, 0);
        /* Unknown: if it is static, it sees two variables of ours, which is better than a dynamic
         * program that is not hardened. A missing descriptor can be an attacker's doing. */
        if (fd < 0)
            return (fd == -EACCES || fd == -EMFILE || fd == -ENFILE) &&
                   !has_privileges(-1, file.mode);
        length = ph_read_at(fd, line, LINE, 0);
        line[length < 0 ? 0 : length] = '\0';
        loads = ph_loads_library(fd, runtime);
        is_privileged = has_privileges(fd, file.mode);
        (void)ph_syscall(SYS_close, fd, 0, 0, 0, 0);
        if (loads)
            return !is_privileged;
        path = find_interpreter(line);
    }
    return 0;
}
