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

#define ENTRIES 256 /* of the dynamic section: more than any program has */

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

/* The segments of an open ELF file. They are read one at a time, here and below: a program may call
 * exec on the small stack of a signal handler. */
struct segments {
    long fd;
    uint64_t offset;
    size_t count;
};

static int read_segment(const struct segments *segments, size_t place, ElfW(Phdr) *segment)
{
    return ph_read_at(segments->fd, segment, sizeof *segment,
                      segments->offset + place * sizeof *segment) == (long)sizeof *segment;
}

/* Where in the file an address of the program is, or 0. */
static uint64_t find_offset(const struct segments *segments, ElfW(Addr) address)
{
    ElfW(Phdr) segment;

    for (size_t i = 0; i < segments->count && read_segment(segments, i, &segment); i++)
        if (segment.p_type == PT_LOAD && address - segment.p_vaddr < segment.p_filesz)
            return segment.p_offset + (address - segment.p_vaddr);
    return 0;
}

/* Reads an entry of the dynamic section. Returns whether there is one. */
static int read_entry(long fd, const ElfW(Phdr) *dynamic, size_t place, ElfW(Dyn) *entry)
{
    return place < ENTRIES &&
           ph_read_at(fd, entry, sizeof *entry, dynamic->p_offset + place * sizeof *entry) ==
               (long)sizeof *entry &&
           entry->d_tag != DT_NULL;
}

/* Sets runtime to the first needed library that has to come first. Returns whether this is a dynamic
 * loader itself, which has no PT_INTERP, but a name, which static programs have not. */
static int read_dynamic(const struct segments *segments, const ElfW(Phdr) *dynamic,
                        char runtime[PH_RUNTIME])
{
    const long fd = segments->fd;
    ElfW(Dyn) entry;
    uint64_t strings = 0;
    int is_loader = 0;

    for (size_t i = 0; read_entry(fd, dynamic, i, &entry); i++) {
        is_loader |= entry.d_tag == DT_SONAME;
        if (entry.d_tag == DT_STRTAB)
            strings = find_offset(segments, entry.d_un.d_ptr);
    }
    for (size_t i = 0; read_entry(fd, dynamic, i, &entry); i++) {
        long length;

        if (entry.d_tag != DT_NEEDED)
            continue;
        length = ph_read_at(fd, runtime, PH_RUNTIME - 1, strings + entry.d_un.d_val);
        runtime[length < 0 ? 0 : length] = '\0';
        if (ph_begins_with_runtime(runtime))
            return is_loader;
    }
    *runtime = '\0';
    return is_loader;
}

int ph_loads_library(long fd, char runtime[PH_RUNTIME])
{
    ElfW(Ehdr) file;
    ElfW(Phdr) segment;
    struct segments segments = {fd, 0, 0};
    int loads = 0;

    *runtime = '\0';
    if (ph_read_at(fd, &file, sizeof file, 0) != (long)sizeof file ||
        file.e_machine != __ehdr_start.e_machine ||
        file.e_ident[EI_CLASS] != __ehdr_start.e_ident[EI_CLASS] ||
        file.e_ident[EI_DATA] != __ehdr_start.e_ident[EI_DATA] ||
        file.e_phnum > PH_ELF_TABLE / sizeof segment)
        return 0;
    segments.offset = file.e_phoff;
    segments.count = file.e_phnum;
    for (size_t i = 0; i < segments.count; i++) {
        if (!read_segment(&segments, i, &segment)) {
            *runtime = '\0';
            return 0;
        }
        loads |= segment.p_type == PT_INTERP;
        if (segment.p_type == PT_DYNAMIC)
            loads |= read_dynamic(&segments, &segment, runtime);
    }
    return loads;
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
static const char *find_interpreter(char line[PH_LINE + 1])
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
    char line[PH_LINE + 1], link[32];
    struct ph_text text = PH_TEXT(link);

    *runtime = '\0';
    if (flags & AT_EMPTY_PATH) {
        ph_add(&text, "/proc/self/fd/");
        ph_add_number(&text, (unsigned long)folder);
        path = link;
    }
    for (int depth = 0; path && depth <= PH_SCRIPTS; depth++, folder = AT_FDCWD) {
        struct ph_statx file;
        long fd, length;
        int loads, is_privileged;

        if (ph_stat(folder, path, 0, &file) || !S_ISREG(file.mode))
            return 0;
        fd = ph_syscall(SYS_openat, folder, (long)path, PH_TO_READ, 0, 0);
        /* Unknown: if it is static, it sees two variables of ours, which is better than a dynamic
         * program that is not hardened. A missing descriptor can be an attacker's doing. */
        if (fd < 0)
            return (fd == -EACCES || fd == -EMFILE || fd == -ENFILE) &&
                   !has_privileges(-1, file.mode);
        length = ph_read_at(fd, line, PH_LINE, 0);
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
