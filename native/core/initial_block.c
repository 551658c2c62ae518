/* The initial environment: the strings that the kernel put on the stack at exec and shows to other
 * processes. Most processes have nothing to wipe there. Two things make it fast to check that:
 *
 * 1. ph_platform_start_strings() finds a range to search without reading /proc/self/stat, which
 *    takes about 8 us warm and 50 us cold.
 * 2. next_string_with() compares STRIDE bytes at once: with 5,000 variables, this reduces the time
 *    of the first ph_harden() from 150 us to 35 us.
 *
 * To reproduce these times, compare "the call alone, first" of `make bench` with the same benchmark
 * after making ph_platform_start_strings() return -1, or without the first loop of
 * next_string_with(). */
#include "initial_block.h"
#include "hardening.h"
#include "pattern.h"
#include "platform.h"

/* Set once the block has no loader variable of this system: only exec can add one. */
static int block_is_clean;

/* The end of the last string. Bytes after the last NUL are not a string: a program may have
 * written its title over the block. */
static char *end_of(const struct ph_span *span)
{
    char *end = span->end;

    while (end > span->start && end[-1])
        end--;
    return end;
}

/* The byte that every match starts with, or NUL if there is no such byte. */
static char first_byte_of(const struct ph_patterns *patterns)
{
    char first = patterns->count ? patterns->parsed[0].text[0] : '\0';

    for (size_t i = 0; i < patterns->count; i++)
        if (!patterns->parsed[i].length || patterns->parsed[i].text[0] != first)
            return '\0';
    return *patterns->rest ? '\0' : first;
}

/* Returns the next non-empty string after text, or end. */
static char *next_string(char *text, const char *end)
{
    while (text < end && *text)
        text++;
    while (text < end && !*text)
        text++;
    return text;
}

#define STRIDE 32
/* Like next_string(), but skips strings that do not start with first. */
static char *next_string_with(char first, char *text, const char *end)
{
    /* The compiler turns the inner loop into vector instructions. */
    for (text++; end - text >= STRIDE; text += STRIDE) {
        unsigned char found = 0;

        for (int i = 0; i < STRIDE; i++)
            found |= (unsigned char)((text[i] == first) & !text[i - 1]);
        if (found)
            break;
    }
    while (text < end && (text[-1] || *text != first))
        text++;
    return text;
}

/* Counts the selected strings, and zeroes them if wipe is set. */
static long count_strings(const struct ph_span *span, const struct ph_selection *selection,
                          int wipe)
{
    char first = first_byte_of(&selection->remove);
    char *end = end_of(span);
    long count = 0;

    for (char *text = span->start; text < end;
         text = first ? next_string_with(first, text, end) : next_string(text, end)) {
        if (!*text || !ph_is_selected(selection, text))
            continue;
        count++;
        /* volatile, since the compiler may drop writes that are never read. */
        for (volatile char *byte = text; wipe && *byte; byte++)
            *byte = '\0';
    }
    return count;
}

long ph_wipe_initial(const struct ph_policy *policy, const struct ph_selection *selection,
                     int in_environ, struct ph_failure *failure)
{
    struct ph_span span;
    long wiped = 0;

    if (!policy->remove && block_is_clean)
        return 0;
    /* A variable that was in environ is most likely here too: do not search twice. */
    if (in_environ || ph_platform_start_strings(&span) || count_strings(&span, selection, 0)) {
        if (ph_platform_environment_block(&span, failure))
            return -1;
        wiped = count_strings(&span, selection, 1);
    }
    if (!policy->remove && !selection->keep.count)
        block_is_clean = 1;
    return wiped;
}

int ph_environment_initial(const struct ph_visitor *visitor, struct ph_failure *failure)
{
    struct ph_span span;
    char *end;

    if (ph_platform_environment_block(&span, failure))
        return -1;
    failure->call = NULL;
    end = end_of(&span);
    for (char *text = span.start; text < end; text = next_string(text, end))
        if (*text && visitor->visit(visitor->context, text, ph_name_length(text)))
            return -1;
    return 0;
}

int ph_environment_is_initial(const char *entry)
{
    static struct ph_span strings;
    struct ph_failure ignored;

    if (!strings.start && ph_platform_start_strings(&strings) &&
        ph_platform_environment_block(&strings, &ignored))
        strings.start = strings.end = NULL;
    if (strings.start == strings.end)
        return -1;
    return (uintptr_t)entry >= (uintptr_t)strings.start && (uintptr_t)entry < (uintptr_t)strings.end;
}
