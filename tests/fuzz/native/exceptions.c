/* Patterns for the names of programs: exec/handover.c.
 *
 * Input: a line with the patterns, joined by ":"; a line with the name. */
#define _GNU_SOURCE
#include "fuzz.h"

#include "exec/handover.c"

#define LONGEST 255 /* NAME_MAX */

/* The same by a table of what matches what: rows are the characters of the pattern. */
static int is_match(const char *pattern, size_t length, const char *name)
{
    static char row[LONGEST + 1], next[LONGEST + 1];
    const size_t end = strlen(name);

    memset(row, 0, sizeof row);
    row[0] = 1;
    for (size_t i = 0; i < length; i++) {
        next[0] = pattern[i] == '*' && row[0];
        for (size_t j = 1; j <= end; j++)
            next[j] = pattern[i] == '*' ? row[j] || next[j - 1]
                                        : row[j - 1] && (pattern[i] == '?' || pattern[i] == name[j - 1]);
        memcpy(row, next, sizeof row);
    }
    return row[end];
}

static int is_listed(const char *patterns, const char *name)
{
    for (;;) {
        const size_t length = strcspn(patterns, ":");

        if (is_match(patterns, length, name))
            return 1;
        patterns += length;
        if (!*patterns++)
            return 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = input_of(data, size);
    char *patterns = take_line(&input), *name = take_line(&input);

    limit_time();
    if (strlen(name) <= LONGEST)
        EXPECT(ph_matches_any(patterns, name) == is_listed(patterns, name));
    free(patterns);
    free(name);
    return 0;
}
