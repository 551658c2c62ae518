/* Reads ELF files piece by piece to use little stack: a program may call exec on the small stack of
 * a signal handler. The stand-in has its own reader, since it maps the program. */
#define _GNU_SOURCE
#include "elf_file.h"

#include "../core/text.h"
#include "linux_file.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGEST_DYNAMIC_SECTION (1 << 16) /* as in elf.py: more than any program has */
#define MOST_SEARCHED 4096 /* bytes of a list of directories */
#define MOST_STRINGS (1 << 20) /* bytes of names that a loader exports: musl's has 16 KiB */

/* Libraries that refuse to work unless they are loaded first. */
static const char *const sanitizers[] = {"libasan.so", "libclang_rt.asan", "libtsan.so",
                                         "libhwasan.so", "libclang_rt.hwasan"};

int ph_begins_with_sanitizer(const char *libraries)
{
    for (size_t i = 0; i < sizeof sanitizers / sizeof *sanitizers; i++)
        if (ph_after(libraries, sanitizers[i]))
            return 1;
    return 0;
}

/* An open file and its header. */
struct file {
    long fd;
    ElfW(Ehdr) header;
};

static int read_segment(const struct file *file, size_t place, ElfW(Phdr) *segment)
{
    return place < file->header.e_phnum &&
           ph_read_at(file->fd, segment, sizeof *segment,
                      file->header.e_phoff + place * sizeof *segment) == (long)sizeof *segment;
}

/* Returns the file offset of the byte at an address of the program, or 0. Each segment is mapped
 * over those before it. */
static uint64_t find_offset(const struct file *file, ElfW(Addr) address)
{
    ElfW(Phdr) segment;
    uint64_t offset = 0;

    for (size_t i = 0; read_segment(file, i, &segment); i++)
        if (segment.p_type == PT_LOAD && address - segment.p_vaddr < segment.p_filesz)
            offset = segment.p_offset + (address - segment.p_vaddr);
    return offset;
}

/* Reads an entry of the dynamic section at an offset. Returns whether there is one. */
static int read_entry(const struct file *file, uint64_t section, size_t place, ElfW(Dyn) *entry)
{
    return place < LARGEST_DYNAMIC_SECTION / sizeof *entry &&
           ph_read_at(file->fd, entry, sizeof *entry, section + place * sizeof *entry) ==
               (long)sizeof *entry &&
           entry->d_tag != DT_NULL;
}

/* Reads a string, or as much of it as fits. */
static void read_string(const struct file *file, uint64_t offset, char *text, size_t size)
{
    const long length = ph_read_at(file->fd, text, size - 1, offset);

    text[length < 0 ? 0 : length] = '\0';
}

/* Whether a list of directories names $ORIGIN (ld.so(8)). Few programs have such a list. */
static int names_origin(const struct file *file, uint64_t offset)
{
    char text[sizeof "${ORIGIN}"];

    for (uint64_t end = offset + MOST_SEARCHED; offset < end; offset++) {
        read_string(file, offset, text, sizeof text);
        if (ph_after(text, "$ORIGIN") || ph_after(text, "${ORIGIN}"))
            return 1;
        if (!*text)
            return 0;
    }
    return 0;
}

/* Whether the names of the dynamic section are those of a dynamic loader, whatever its file is
 * called: glibc's and musl's export this function on every architecture, and Android's has this
 * SONAME. A static program exports nothing. */
static int are_of_loader(const struct file *file, uint64_t strings, uint64_t size)
{
    static const char *const marks[] = {"__tls_get_addr", "ld-android.so"};
    enum { LONGEST = 16 };
    char text[256];

    size = size < MOST_STRINGS ? size : MOST_STRINGS;
    for (uint64_t at = 0; at < size; at += sizeof text - LONGEST) {
        const uint64_t left = size - at;
        const size_t most = left < sizeof text - 1 ? (size_t)left : sizeof text - 1;
        const long length = ph_read_at(file->fd, text, most, strings + at);

        if (length <= 0)
            return 0;
        text[length] = '\0';
        for (long i = 0; i < length; i++)
            for (size_t j = 0; j < sizeof marks / sizeof *marks; j++)
                if (ph_after(text + i, marks[j]))
                    return 1;
    }
    return 0;
}

/* Reads the dynamic section at an offset. If a tag other than DT_NEEDED occurs more than once, the
 * last one counts, as in ld.so. Returns whether the section has an end. */
static int read_dynamic(const struct file *file, uint64_t section, struct ph_elf *elf)
{
    ElfW(Dyn) entry = {.d_tag = DT_NEEDED};
    ElfW(Addr) address = 0;
    uint64_t strings, size = 0, rpath = 0, runpath = 0;

    for (size_t i = 0; read_entry(file, section, i, &entry); i++) {
        if (entry.d_tag == DT_STRTAB)
            address = entry.d_un.d_ptr;
        if (entry.d_tag == DT_STRSZ)
            size = entry.d_un.d_val;
    }
    if (entry.d_tag != DT_NULL)
        return 0;
    strings = find_offset(file, address);
    if (!strings)
        return 1;
    elf->is_loader = !elf->loader_size && are_of_loader(file, strings, size);
    elf->is_dynamic |= elf->is_loader;
    for (size_t i = 0; read_entry(file, section, i, &entry); i++) {
        const uint64_t string = strings + entry.d_un.d_val;

        if (entry.d_tag == DT_NEEDED && !*elf->sanitizer) {
            read_string(file, string, elf->sanitizer, sizeof elf->sanitizer);
            if (!ph_begins_with_sanitizer(elf->sanitizer))
                *elf->sanitizer = '\0';
        }
        if (entry.d_tag == DT_RPATH)
            rpath = string;
        if (entry.d_tag == DT_RUNPATH)
            runpath = string;
    }
    if (runpath) /* it replaces RPATH */
        rpath = runpath;
    elf->needs_origin = rpath && names_origin(file, rpath);
    return 1;
}

const char *ph_read_elf(long fd, struct ph_elf *elf)
{
    struct file file = {.fd = fd};
    const unsigned char *kind = file.header.e_ident;
    ElfW(Phdr) segment;
    ElfW(Addr) dynamic = 0; /* ld.so looks at the address, not at the offset in the file */
    uint64_t section;

    *elf = (struct ph_elf){0};
    if (ph_read_at(fd, &file.header, sizeof file.header, 0) != (long)sizeof file.header ||
        !kind[EI_CLASS] || kind[EI_CLASS] > ELFCLASS64 || !kind[EI_DATA] ||
        kind[EI_DATA] > ELFDATA2MSB)
        return "damaged ELF file";
    elf->is_native = ph_is_native(&file.header);
    if (!elf->is_native || file.header.e_phnum > PH_ELF_TABLE / sizeof segment)
        return NULL;
    for (size_t i = 0; i < file.header.e_phnum; i++) {
        if (!read_segment(&file, i, &segment)) {
            *elf = (struct ph_elf){.is_native = 1};
            return "damaged ELF file: it ends too early";
        }
        if (segment.p_type == PT_INTERP && !elf->is_dynamic) { /* the first counts, as in exec */
            elf->is_dynamic = 1;
            elf->loader = segment.p_offset;
            elf->loader_size = segment.p_filesz;
        }
        if (segment.p_type == PT_DYNAMIC)
            dynamic = segment.p_vaddr; /* the last one counts, as in ld.so */
    }
    section = dynamic ? find_offset(&file, dynamic) : 0;
    if (section && !read_dynamic(&file, section, elf))
        return "damaged ELF file: its dynamic section has no end";
    return NULL;
}

/* Whether a path names the loader of glibc, musl or Android. */
static int is_known_loader(const char *path)
{
    static const char *const known[] = {"ld-linux", "ld-musl-", "ld64.so", "ld.so", "linker"};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (ph_after(ph_basename(path), known[i]))
            return 1;
    return 0;
}

int ph_has_known_loader(long fd, const struct ph_elf *elf)
{
    char path[PH_PATH];
    const uint64_t length = elf->loader_size;

    return !length || (length <= sizeof path &&
                       ph_read_at(fd, path, (size_t)length, elf->loader) == (long)length &&
                       !path[length - 1] && is_known_loader(path) &&
                       !PH_CALL(SYS_faccessat, AT_FDCWD, path, X_OK));
}

long ph_check_loadable(long fd)
{
    ElfW(Ehdr) header;
    const long start = ph_map(0, sizeof header, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

    if (ph_is_error(start))
        return start ? start : -EIO;
    (void)ph_syscall(SYS_munmap, start, sizeof header, 0, 0, 0);
    if (ph_read_at(fd, &header, sizeof header, 0) != (long)sizeof header || !ph_is_native(&header))
        return -ELIBBAD;
    return 0;
}
