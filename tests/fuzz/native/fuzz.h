/* What the targets share. A target is a program: libFuzzer, or replay.c without it, calls
 * LLVMFuzzerTestOneInput() with one input after the other. */
#ifndef PH_FUZZ_H
#define PH_FUZZ_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process, after which libFuzzer keeps the input. */
#define EXPECT(condition) ((condition) ? (void)0 : fail_at(__FILE__, __LINE__, #condition))

static inline void fail_at(const char *file, int line, const char *condition)
{
    (void)fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
    abort();
}

#define LONGEST_INPUT 20 /* seconds */

static inline void end_hung(int signal)
{
    (void)signal;
    fail_at(__FILE__, __LINE__, "the input is done in LONGEST_INPUT seconds");
}

/* Each target begins with this. It counts the time of the processor: the limit of libFuzzer counts
 * that of other processes too, which is minutes on a busy machine. */
static inline void limit_time(void)
{
    static const struct itimerval longest = {.it_value = {.tv_sec = LONGEST_INPUT}};

    if (signal(SIGPROF, end_hung) == SIG_ERR || setitimer(ITIMER_PROF, &longest, NULL))
        abort();
}

/* A copy of some bytes with a NUL after it, in a block of just this size: AddressSanitizer sees
 * each access beside it. */
static inline char *copy_bytes(const void *from, size_t size)
{
    char *copy = malloc(size + 1);

    if (!copy)
        abort();
    memcpy(copy, from, size);
    copy[size] = '\0';
    return copy;
}

/* The rest of an input, from which lines are taken. */
struct input {
    const char *at, *end;
};

static inline struct input input_of(const uint8_t *data, size_t size)
{
    return (struct input){(const char *)data, (const char *)data + size};
}

/* Takes the next line without its end, "" after the last one, as a copy to free. */
static inline char *take_line(struct input *input)
{
    const size_t left = (size_t)(input->end - input->at);
    const char *end = left ? memchr(input->at, '\n', left) : NULL;
    const size_t length = end ? (size_t)(end - input->at) : left;
    char *line = copy_bytes(input->at, length);

    input->at += length + (end != NULL);
    return line;
}

/* Takes lines up to an empty one, at most most of them. Returns how many; the last is NULL. */
static inline size_t take_lines(struct input *input, char **lines, size_t most)
{
    size_t count = 0;

    while (count < most && input->at < input->end) {
        lines[count] = take_line(input);
        if (!*lines[count]) {
            free(lines[count]);
            break;
        }
        count++;
    }
    lines[count] = NULL;
    return count;
}

static inline void free_lines(char **lines)
{
    for (; *lines; lines++)
        free(*lines);
}

/* Puts the input into a file. */
static inline void fill_file(int fd, const void *data, size_t size)
{
    if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
}

/* A file in memory, and its path. */
static inline int make_file(char path[64])
{
    const int fd = memfd_create("fuzz", MFD_CLOEXEC);

    if (fd < 0)
        abort();
    (void)snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

/* Whether a text is one line of plain characters. */
static inline int is_plain_line(const char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            return 0;
    return 1;
}

#endif
