/* What an ELF file is: exec/elf_file.c, launch/program.c and preload/target.c read the same file.
 *
 * Input: the file. */
#define _GNU_SOURCE
#include "fuzz.h"

#include "launch/program.h"
#include "preload/target.h"

#include <sys/stat.h>

#define SEGMENTS (PH_ELF_TABLE / sizeof(ElfW(Phdr)))

static char folder[] = "/tmp/fuzz.XXXXXX", path[sizeof folder + 8];
static int file = -1, complaints;

static void check_complaint(const char *line)
{
    complaints++;
    EXPECT(is_plain_line(line));
}

static void remove_file(void)
{
    (void)unlink(path);
    (void)rmdir(folder);
}

/* A file with a name, since memory has none that leads back to it. */
static void make_program(void)
{
    int fd;

    if (!mkdtemp(folder))
        abort();
    (void)snprintf(path, sizeof path, "%s/program", folder);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    if (fd < 0 || fchmod(fd, 0755) || atexit(remove_file))
        abort();
    file = fd;
}

/* Whether the file names a loader, in a table that is no larger than ours. */
static int names_loader(const uint8_t *data, size_t size)
{
    ElfW(Ehdr) header;
    ElfW(Phdr) segment;

    memcpy(&header, data, sizeof header);
    for (size_t i = 0; i < header.e_phnum && header.e_phnum <= SEGMENTS; i++) {
        if (header.e_phoff > size || size - header.e_phoff < (i + 1) * sizeof segment)
            return 0;
        memcpy(&segment, data + header.e_phoff + i * sizeof segment, sizeof segment);
        if (segment.p_type == PT_INTERP) /* the first counts */
            return segment.p_filesz > 0;
    }
    return 0;
}

static void check_program(const struct ph_program *program, const uint8_t *data, size_t size)
{
    const struct ph_elf *elf = &program->elf;
    struct ph_elf again;
    ElfW(Ehdr) header;

    EXPECT(size >= sizeof header && !strcmp(program->path, path) && !strcmp(program->real, path));
    memcpy(&header, data, sizeof header);
    EXPECT(elf->is_native == (!memcmp(header.e_ident, __ehdr_start.e_ident, EI_DATA + 1) &&
                              header.e_machine == __ehdr_start.e_machine));
    EXPECT(elf->is_native || !elf->is_dynamic);
    EXPECT(elf->is_dynamic || !elf->is_native || !names_loader(data, size));
    EXPECT(!*elf->sanitizer || ph_begins_with_sanitizer(elf->sanitizer));
    EXPECT(!elf->needs_origin || memmem(data, size, "ORIGIN", 6));
    EXPECT(ph_is_followable(AT_FDCWD, path, 0, &again) == again.is_dynamic);
    EXPECT(!memcmp(elf, &again, sizeof again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ph_program program;
    char *words[PH_SPARE + 2] = {0}, **argv = words + PH_SPARE;
    int status;

    limit_time();
    if (file < 0)
        make_program();
    fill_file(file, data, size);
    argv[0] = path;
    program = (struct ph_program){0};
    ph_complaint = check_complaint;
    complaints = 0;

    status = ph_program_find(&program, argv);
    EXPECT(complaints == !!status);
    EXPECT(!status == (program.fd >= 0));
    if (!status && size >= SELFMAG && !memcmp(data, ELFMAG, SELFMAG))
        check_program(&program, data, size);
    if (program.fd >= 0)
        (void)close(program.fd);
    return 0;
}
