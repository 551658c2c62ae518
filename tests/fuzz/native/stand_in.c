/* The stand-in's loader: launch/stub/load.c maps the file as it would a program. Nothing is started.
 *
 * Input: the file. */
#define _GNU_SOURCE
#include "fuzz.h"

#include "core/platform/linux_syscall.h"
#include "launch/stub/entry.h"

#include <setjmp.h>
#include <sys/syscall.h>

#define MOST_CALLS 1024 /* that one file can lead to */
#define PAGE 4096

static jmp_buf refused;
static struct mapping {
    uintptr_t start, length;
} mappings[MOST_CALLS];
static size_t mapping_count;
static int opened = -1;

/* Notes what is mapped and opened, to undo it, and reads the message of a refusal. */
static long watch_call(long number, long a, long b, long c, long d, long e, long f)
{
    long result;

    if (number == SYS_write) {
        char *line = copy_bytes((const char *)b, (size_t)c - 1);

        EXPECT(((const char *)b)[c - 1] == '\n' && is_plain_line(line));
        free(line);
        return c;
    }
    result = ph_syscall6(number, a, b, c, d, e, f);
    if (number == SYS_openat && result >= 0)
        opened = (int)result;
    if (number == SYS_close && a == opened)
        opened = -1;
    if (number == SYS_mmap && (result >= 0 || result < -4095)) {
        EXPECT(mapping_count < MOST_CALLS);
        mappings[mapping_count++] = (struct mapping){(uintptr_t)result, (uintptr_t)b};
    }
    if (number == SYS_munmap) { /* the room that was reserved and released */
        EXPECT(mapping_count && mappings[mapping_count - 1].start == (uintptr_t)a &&
               mappings[mapping_count - 1].length == (uintptr_t)b);
        mapping_count--;
    }
    return result;
}

#define ph_syscall(number, a, b, c, d, e) watch_call(number, a, b, c, d, e, 0)
#define ph_syscall6 watch_call
#define ph_quit(status) longjmp(refused, 1)
#include "launch/stub/load.c"
#undef ph_syscall
#undef ph_syscall6

static int is_mapped(uintptr_t start, uintptr_t length)
{
    for (size_t i = 0; i < mapping_count; i++)
        if (start >= mappings[i].start &&
            start + length <= round_up(mappings[i].start + mappings[i].length, PAGE))
            return 1;
    return 0;
}

/* What is in memory is what the file says, and zeros after it. */
static void check_segment_in_memory(const struct image *image, const ElfW(Phdr) *segment,
                                    const uint8_t *data)
{
    const uint8_t *memory = (const uint8_t *)(image->bias + (uintptr_t)segment->p_vaddr);
    const uintptr_t end = (uintptr_t)memory + (uintptr_t)segment->p_filesz;
    const uintptr_t rest = (uintptr_t)(segment->p_memsz - segment->p_filesz);
    const uintptr_t in_page = -end & (PAGE - 1);

    if (segment->p_filesz) {
        EXPECT(is_mapped((uintptr_t)memory, (uintptr_t)segment->p_filesz));
        if (segment->p_flags & PF_R)
            EXPECT(!memcmp(memory, data + segment->p_offset, segment->p_filesz));
    }
    if (segment->p_filesz && segment->p_flags & PF_R && segment->p_flags & PF_W)
        for (uintptr_t i = 0; i < rest && i < in_page; i++)
            EXPECT(!memory[segment->p_filesz + i]);
    if (rest > in_page) {
        EXPECT(is_mapped(end + in_page, rest - in_page));
        if (segment->p_flags & PF_R)
            EXPECT(!memory[segment->p_filesz + in_page] && !memory[segment->p_memsz - 1]);
    }
}

static void check_image(const struct image *image, const uint8_t *data, size_t size)
{
    ElfW(Ehdr) header;
    ElfW(Phdr) segment;

    EXPECT(size >= sizeof header);
    memcpy(&header, data, sizeof header);
    EXPECT(image->entry == image->bias + header.e_entry && image->count == header.e_phnum);
    EXPECT(!image->has_interpreter || memchr(image->interpreter, 0, sizeof image->interpreter));
    for (size_t i = 0; i < image->count; i++) {
        memcpy(&segment, data + header.e_phoff + i * sizeof segment, sizeof segment);
        /* Root may map the first page, but not through a null pointer of C. */
        if (segment.p_type == PT_LOAD && segment.p_memsz && image->bias + segment.p_vaddr >= PAGE)
            check_segment_in_memory(image, &segment, data);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct image image;
    static char path[64];
    static int file = -1;
    struct ph_statx status = {0};
    struct ph_identity identity;

    limit_time();
    if (file < 0)
        file = make_file(path);
    fill_file(file, data, size);
    if (ph_stat(file, "", AT_EMPTY_PATH, &status))
        abort();
    identity = ph_identify(&status);
    mapping_count = 0;
    if (!setjmp(refused)) {
        load(&image, path, &identity);
        check_image(&image, data, size);
        EXPECT(opened < 0);
    }
    while (mapping_count--)
        if (munmap((void *)mappings[mapping_count].start, mappings[mapping_count].length))
            abort();
    if (opened >= 0)
        (void)close(opened);
    opened = -1;
    return 0;
}
