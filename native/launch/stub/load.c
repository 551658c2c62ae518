/* The stand-in. It maps the program whose path the launcher wrote into it, and that program's
 * dynamic loader, as the kernel would. Then it jumps to the loader or, if there is none, to the
 * program. The stand-in's file is unreadable, so the kernel has made the process non-dumpable
 * before the first of these instructions (fs/exec.c would_dump()). */
#define _GNU_SOURCE
#include "../../core/hardening.h"
#include "../../core/platform/linux_ids.h"
#include "../../core/platform/linux_signals.h"
#include "../../core/text.h"
#include "../../exec/elf_file.h"
#include "entry.h"
#include "stub.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#define MAP_PLACED (MAP_PRIVATE | MAP_FIXED_NOREPLACE)

/* The launcher fills this in, in its copy of the stand-in. */
static const struct ph_stub_config config = {.mark = PH_STUB_MARK};

/* From the auxiliary vector. */
static uintptr_t page = 4096, user;
#ifdef __aarch64__
static int has_landing_pads;
#endif

struct image {
    const char *path;
    long fd;
    uint64_t size; /* of the file */
    const ElfW(Phdr) *segments;
    unsigned count;
    uintptr_t low, high, alignment; /* where the segments begin and end, in whole pages */
    uintptr_t bias;                 /* what is added to the addresses in the file */
    uintptr_t entry;
    uintptr_t headers; /* address of the program headers in memory, or 0 */
    int wants_stack_executable; /* -1: not specified */
    int protection;             /* the flags of its code, in addition to PROT_EXEC */
    int has_interpreter;
    char interpreter[PH_PATH];
};

/* Prints one line. */
static _Noreturn void fail(const char *path, const char *what, long error)
{
    char line[PH_PATH + 256];
    struct ph_text text = PH_TEXT(line);

    ph_add(&text, "process-hardening: ");
    ph_add_printable(&text, path);
    ph_add(&text, ": ");
    ph_add(&text, what);
    if (error) {
        ph_add(&text, ": errno ");
        ph_add_number(&text, (unsigned long)-error);
    }
    ph_add(&text, "\n");
    (void)ph_write_output(2, line, text.length);
    ph_quit(PH_EXIT_CANNOT);
}

/* Fails unless all bytes can be read: a truncated file is damaged. */
static void read_at(const struct image *image, void *to, size_t size, uint64_t offset)
{
    const long length = ph_read_at(image->fd, to, size, offset);

    if (length != (long)size)
        fail(image->path, "damaged ELF file: it ends too early", length < 0 ? length : 0);
}

/* Reads both headers, after checking what the kernel checks: fs/binfmt_elf.c load_elf_binary(). */
static void read_headers(struct image *image, ElfW(Ehdr) *file, ElfW(Phdr) *segments)
{
    read_at(image, file, sizeof *file, 0);
    if (!ph_is_native(file))
        fail(image->path, "not an ELF file of this architecture", 0);
    if (file->e_type != ET_EXEC && file->e_type != ET_DYN)
        fail(image->path, "damaged ELF file: not a program", 0);
    if (file->e_phentsize != sizeof *segments || !file->e_phnum)
        fail(image->path, "damaged ELF file: no program headers", 0);
    if (file->e_phnum > PH_ELF_TABLE / sizeof *segments)
        fail(image->path, "too many segments for a stand-in; use --method copy", 0);
    image->count = file->e_phnum;
    image->segments = segments;
    read_at(image, segments, image->count * sizeof *segments, file->e_phoff);
}

#ifdef __aarch64__
#define PROPERTY_FEATURES 0xc0000000u /* GNU_PROPERTY_AARCH64_FEATURE_1_AND, whose bit 0 is BTI */
#define PROTECTION_BTI 0x10
#define HARDWARE_BTI (1ul << 17)
/* PT_GNU_PROPERTY: whether code may only be entered at landing pads (arch_parse_elf_property()). */
static void read_property(struct image *image, const ElfW(Phdr) *segment)
{
    uint32_t words[64];
    size_t count = segment->p_filesz / sizeof *words;

    if (count > sizeof words / sizeof *words)
        fail(image->path, "damaged ELF file: invalid properties", 0);
    read_at(image, words, count * sizeof *words, segment->p_offset);
    /* The properties follow three words and the name "GNU". Each has a kind, a size, and as many
     * bytes as its size, padded to a multiple of 8. */
    for (size_t at = 4; at + 2 < count; at += 2 + (words[at + 1] / 8 + !!(words[at + 1] % 8)) * 2)
        if (words[at] == PROPERTY_FEATURES && words[at + 2] & 1 && has_landing_pads)
            image->protection = PROTECTION_BTI;
}
#endif

static uintptr_t round_up(uintptr_t address, uintptr_t unit)
{
    return (address + unit - 1) & -unit;
}

static void check_segment(const struct image *image, const ElfW(Phdr) *segment)
{
    const uintptr_t end = (uintptr_t)(segment->p_vaddr + segment->p_memsz);

    if (segment->p_filesz > segment->p_memsz || end < segment->p_vaddr || end > -page)
        fail(image->path, "damaged ELF file: invalid segment size", 0);
    if (segment->p_offset > image->size || segment->p_filesz > image->size - segment->p_offset)
        fail(image->path, "damaged ELF file: it ends too early", 0);
    if (segment->p_filesz && (segment->p_offset ^ segment->p_vaddr) & (page - 1))
        fail(image->path, "damaged ELF file: a segment is not page-aligned", 0);
}

static void measure(struct image *image)
{
    for (const ElfW(Phdr) *at = image->segments; at < image->segments + image->count; at++) {
#ifdef __aarch64__
        if (at->p_type == PT_GNU_PROPERTY)
            read_property(image, at);
#endif
        if (at->p_type == PT_GNU_STACK)
            image->wants_stack_executable = !!(at->p_flags & PF_X);
        if (at->p_type == PT_INTERP && !image->has_interpreter) {
            image->has_interpreter = at->p_filesz > 1 && at->p_filesz <= PH_PATH;
            if (image->has_interpreter)
                read_at(image, image->interpreter, (size_t)at->p_filesz, at->p_offset);
            if (!image->has_interpreter || image->interpreter[at->p_filesz - 1])
                fail(image->path, "damaged ELF file: invalid loader name", 0);
        }
        if (at->p_type != PT_LOAD)
            continue;
        check_segment(image, at);
        if ((at->p_vaddr & -page) < image->low)
            image->low = at->p_vaddr & -page;
        if (round_up(at->p_vaddr + at->p_memsz, page) > image->high)
            image->high = round_up(at->p_vaddr + at->p_memsz, page);
        if (!(at->p_align & (at->p_align - 1)) && at->p_align > image->alignment)
            image->alignment = (uintptr_t)at->p_align;
    }
    if (image->low >= image->high)
        fail(image->path, "damaged ELF file: no loadable segment", 0);
}

/* Finds an address with room for all segments by reserving it. The reservation is released
 * immediately: the gaps between segments also stay free after an exec by the kernel. */
static uintptr_t find_room(const struct image *image)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    const uintptr_t length = image->high - image->low, whole = length + image->alignment;
    const long at = whole < length ? -ENOMEM : ph_map(0, whole, PROT_NONE, flags, -1, 0);

    if (ph_is_error(at))
        fail(image->path, "no room in memory", at);
    if (PH_CALL(SYS_munmap, at, whole))
        fail(image->path, "munmap failed", 0);
    return round_up((uintptr_t)at, image->alignment);
}

static void place(const struct image *image, uintptr_t at, uintptr_t length, int protection,
                  int flags, long fd, uint64_t offset)
{
    const long result = ph_map(at, length, protection, flags | MAP_PLACED, fd, offset);

    /* Before Linux 4.17 the address was only a hint. */
    if (result != (long)at)
        fail(image->path, "a segment cannot be mapped", ph_is_error(result) ? result : 0);
}

static void map_segment(const struct image *image, const ElfW(Phdr) *segment)
{
    const int protection = (segment->p_flags & PF_R ? PROT_READ : 0) |
                           (segment->p_flags & PF_W ? PROT_WRITE : 0) |
                           (segment->p_flags & PF_X ? PROT_EXEC | image->protection : 0);
    const uintptr_t start = image->bias + (uintptr_t)segment->p_vaddr;
    const uintptr_t file_end = start + (uintptr_t)segment->p_filesz;
    const uintptr_t end = round_up(start + (uintptr_t)segment->p_memsz, page);
    uintptr_t from = start & -page;

    if (segment->p_filesz) {
        place(image, from, file_end - from, protection, 0, image->fd,
              segment->p_offset - (start - from));
        from = round_up(file_end, page);
        if (segment->p_memsz > segment->p_filesz && protection & PROT_WRITE)
            /* Clears the rest of the file's last page. volatile prevents a call to memset(). */
            for (volatile char *byte = (char *)file_end; (uintptr_t)byte < from; byte++)
                *byte = 0;
    }
    if (end > from)
        place(image, from, end - from, protection, MAP_ANONYMOUS, -1, 0);
}

/* Maps the file at path. identity -- the identity that it must have; NULL: it is the loader. */
static void load(struct image *image, const char *path, const struct ph_identity *identity)
{
    ElfW(Ehdr) file;
    ElfW(Phdr) segments[PH_ELF_TABLE / sizeof(ElfW(Phdr))];
    struct ph_statx status;
    struct ph_identity found;
    const long fd = PH_CALL(SYS_openat, AT_FDCWD, path, PH_TO_READ);
    const long error = fd < 0 ? fd : ph_stat(fd, "", AT_EMPTY_PATH, &status);

    if (error)
        fail(path, identity ? "cannot be opened" : "the program's dynamic loader cannot be opened",
             error);
    if (!S_ISREG(status.mode))
        fail(path, "not a regular file", 0);
    found = ph_identify(&status);
    if (identity && !ph_is_same(identity, &found))
        fail(path, "was replaced before it could be started", 0);
    *image = (struct image){.path = path, .fd = fd, .size = status.size, .low = UINTPTR_MAX,
                            .alignment = page, .wants_stack_executable = -1};
    read_headers(image, &file, segments);
    measure(image);
    if (identity && image->has_interpreter)
        image->protection = 0; /* the loader sets this for the program */
    image->bias = file.e_type == ET_EXEC ? 0 : find_room(image) - image->low;
    for (const ElfW(Phdr) *at = segments; at < segments + image->count; at++) {
        if (at->p_type != PT_LOAD)
            continue;
        map_segment(image, at);
        if (!image->headers && file.e_phoff >= at->p_offset &&
            file.e_phoff - at->p_offset < at->p_filesz)
            image->headers =
                image->bias + (uintptr_t)(at->p_vaddr + (file.e_phoff - at->p_offset));
    }
    image->entry = image->bias + (uintptr_t)file.e_entry;
    /* Linux closes the descriptor whatever close(2) returns. */
    (void)PH_CALL(SYS_close, fd);
    image->segments = NULL; /* they are on this function's stack */
}

/* Follows PT_GNU_STACK. The program's flags count, not the loader's. Programs without this header
 * expect an executable stack and READ_IMPLIES_EXEC on the two oldest architectures. */
static void set_stack(const struct image *program, uintptr_t stack)
{
    long error;

    if (program->wants_stack_executable < 0 &&
        (__ehdr_start.e_machine == EM_386 || __ehdr_start.e_machine == EM_ARM))
        fail(program->path, "too old for a stand-in (no PT_GNU_STACK); use --method copy", 0);
    if (program->wants_stack_executable <= 0)
        return;
    error = PH_CALL(SYS_mprotect, stack & -page, page,
                    PROT_READ | PROT_WRITE | PROT_EXEC | PROT_GROWSDOWN);
    if (error)
        fail(program->path, "cannot make the stack executable, which the program requires", error);
}

/* A seccomp filter can fake the result of a system call. It can fake neither the owner of a file in
 * /proc nor the value of user, which is the AT_EUID that the kernel wrote. In a user namespace
 * without root, root's files, such as /proc, belong to the overflow uid, so there is no cross-check
 * for that uid. */
static void check_non_dumpable(const char *path)
{
    struct ph_statx root = {.uid = PH_OVERFLOW_ID};
    struct ph_statx status = {.uid = (uint32_t)user}; /* unchanged if a filter fakes statx(2) */

    if (PH_CALL(SYS_prctl, PR_GET_DUMPABLE) == 1)
        fail(path, "its stand-in was started dumpable: is fs.suid_dumpable 1?", 0);
    /* The flag can also be 2, which would let a core_pattern pipe read the memory. */
    (void)PH_CALL(SYS_prctl, PR_SET_DUMPABLE, 0);
    if (PH_CALL(SYS_prctl, PR_GET_DUMPABLE))
        fail(path, "prctl(PR_SET_DUMPABLE, 0) is not in force", 0);
    (void)ph_stat(AT_FDCWD, "/proc/self/status", 0, &status);
    (void)ph_stat(AT_FDCWD, "/proc", 0, &root);
    if (user && (user != PH_OVERFLOW_ID || !root.uid) && status.uid == (uint32_t)user)
        fail(path, "prctl(PR_SET_DUMPABLE, 0) is not confirmed by the owner of /proc/self/status",
             0);
}

/* Returns the path to report in AT_EXECFN. After execveat(2), that is "/dev/fd/N/PATH": the part after the
 * number is the path of the program, which is already on the stack. For a program in memory it is
 * only "/dev/fd/N". */
static uintptr_t true_name(uintptr_t executed, const char *path)
{
    const char *rest = ph_after((const char *)executed, "/dev/fd/");

    if (!rest)
        return executed;
    while (*rest >= '0' && *rest <= '9')
        rest++;
    return (uintptr_t)(*rest == '/' ? rest : path);
}

static void fix_vector(ElfW(auxv_t) *vector, const struct image *program,
                       const struct image *loader)
{
    for (; vector->a_type != AT_NULL; vector++)
        if (vector->a_type == AT_PHDR)
            vector->a_un.a_val = program->headers;
        else if (vector->a_type == AT_PHNUM)
            vector->a_un.a_val = program->count;
        else if (vector->a_type == AT_ENTRY)
            vector->a_un.a_val = program->entry;
        else if (vector->a_type == AT_BASE)
            vector->a_un.a_val = loader->bias;
        else if (vector->a_type == AT_EXECFN)
            vector->a_un.a_val = true_name(vector->a_un.a_val, program->path);
}

uintptr_t ph_start(uintptr_t *stack)
{
    const struct ph_stub_config *mine = &config;
    struct image program, loader;
    uintptr_t *end_of_environment = stack + 1 + *stack + 1;
    ElfW(auxv_t) *vector;

    __asm__("" : "+r"(mine)); /* the compiler must not assume the initial contents */
    while (*end_of_environment)
        end_of_environment++;
    vector = (ElfW(auxv_t) *)(end_of_environment + 1);
    for (ElfW(auxv_t) *at = vector; at->a_type != AT_NULL; at++) {
        if (at->a_type == AT_PAGESZ)
            page = at->a_un.a_val;
        if (at->a_type == AT_EUID)
            user = at->a_un.a_val;
#ifdef __aarch64__
        if (at->a_type == AT_HWCAP2)
            has_landing_pads = !!(at->a_un.a_val & HARDWARE_BTI);
#endif
    }
    check_non_dumpable(mine->path);
    load(&program, mine->path, &mine->program);
    loader.bias = 0;
    if (program.has_interpreter)
        load(&loader, program.interpreter, NULL);
    set_stack(&program, (uintptr_t)stack);
    if (mine->rehearse)
        ph_quit(0);
    fix_vector(vector, &program, &loader);
    /* A wrong name is not worth failing for. */
    (void)PH_CALL(SYS_prctl, PR_SET_NAME, mine->name);
    return program.has_interpreter ? loader.entry : program.entry;
}
