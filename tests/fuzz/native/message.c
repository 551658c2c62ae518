/* The lines that a failure prints, in buffers of every size: core/message.c and text.h.
 *
 * Input: lines with the reason, the error, the value, the size of the buffer, the bypass variable and
 * the call. */
#define _GNU_SOURCE
#include "fuzz.h"

#include "core/message.c"

#define MOST 600 /* bytes of a buffer: some more than PH_MESSAGE_SIZE */

static long take_number(struct input *input)
{
    char *line = take_line(input);
    const long number = strtol(line, NULL, 0);

    free(line);
    return number;
}

/* The text of a small buffer is the beginning of that of a large one. */
static void check_cut(const char *small, size_t size, const char *large)
{
    const size_t length = strnlen(small, size);

    EXPECT(length < size);
    EXPECT(!strncmp(small, large, length));
    EXPECT(length == size - 1 || !large[length]);
}

static void check_printable(const char *text)
{
    static char buffer[8192];
    struct ph_text printable = PH_TEXT(buffer);

    ph_add_printable(&printable, text);
    EXPECT(is_plain_line(buffer));
    EXPECT(printable.cut || printable.length >= strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char large[1 << 17];
    struct input input = input_of(data, size < 4096 ? size : 4096);
    struct ph_report report = {.failure = {.reason = (enum ph_reason)((size_t)take_number(&input) % 5)}};
    struct ph_policy policy = {0};
    size_t room;
    char *buffer, *bypass, *call;

    limit_time();
    report.failure.error = (int)take_number(&input);
    report.failure.value = take_number(&input);
    report.failure.exit_code = PH_EXIT_INSPECTION;
    room = 1 + (size_t)take_number(&input) % MOST;
    bypass = take_line(&input);
    call = take_line(&input);
    report.failure.call = call;
    policy.bypass = *bypass ? bypass : NULL;
    buffer = malloc(room);

    ph_describe(&report.failure, large, sizeof large);
    EXPECT(strstr(large, call) == large);
    ph_describe(&report.failure, buffer, room);
    check_cut(buffer, room, large);
    ph_last_words(call, report.failure.error, policy.bypass, large, sizeof large);
    ph_last_words(call, report.failure.error, policy.bypass, buffer, room);
    check_cut(buffer, room, large);
    report.bypassed = policy.bypass && report.failure.error < 0;
    ph_message(&report, &policy, large, sizeof large);
    ph_message(&report, &policy, buffer, room);
    check_cut(buffer, room, large);
    check_printable(call);

    free(buffer);
    free(bypass);
    free(call);
    return 0;
}
