/* Facts about a program, read from its ELF file (Linux). */
#ifndef PH_ELF_FILE_H
#define PH_ELF_FILE_H

#include <elf.h>
#include <link.h>
#include <stdint.h>

#define PH_ELF_TABLE 8192 /* bytes of the largest accepted segment table: 146 segments */
#define PH_SANITIZER 64

struct ph_elf {
    int is_native;            /* for this architecture; if not, nothing else is filled in */
    int is_dynamic;           /* is or uses a dynamic loader, which can load our library */
    int is_loader;            /* is a dynamic loader */
    uint64_t loader, loader_size; /* offset and size of its loader's name; 0: none */
    int needs_origin;         /* it finds its libraries relative to its own file */
    char sanitizer[PH_SANITIZER]; /* the library that has to come before ours, or "" */
};

/* Returns NULL, or what is wrong with the file. Uses little stack. */
const char *ph_read_elf(long fd, struct ph_elf *elf);

/* Whether the loader of this open program exists and obeys LD_PRELOAD, or it needs none. */
int ph_has_known_loader(long fd, const struct ph_elf *elf);

/* Whether a list of libraries begins with a sanitizer's, which has to come before ours. */
int ph_begins_with_sanitizer(const char *libraries);

/* Whether the file of a library can be loaded here: it is for this architecture, and can be mapped
 * as executable. Returns 0 or a negative errno value. */
long ph_check_loadable(long fd);

/* Our own header shows which architecture this is. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static inline int ph_is_native(const ElfW(Ehdr) *file)
{
    for (int i = 0; i <= EI_DATA; i++) /* the magic number, the word size and the byte order */
        if (file->e_ident[i] != __ehdr_start.e_ident[i])
            return 0;
    return file->e_machine == __ehdr_start.e_machine;
}

#endif
