/* Text functions without libc, which the preload library and the launcher do not link. */
#ifndef PH_TEXT_H
#define PH_TEXT_H

#include <stddef.h>

/* The part of text after prefix, or NULL if text does not start with prefix. */
static inline const char *ph_after(const char *text, const char *prefix)
{
    for (; *prefix; text++, prefix++)
        if (*text != *prefix)
            return NULL;
    return text;
}

static inline int ph_equal(const char *a, const char *b)
{
    const char *rest = ph_after(a, b);

    return rest && !*rest;
}

/* The last part of a path. */
static inline const char *ph_basename(const char *path)
{
    const char *name = path;

    for (; *path; path++)
        if (*path == '/')
            name = path + 1;
    return name;
}

/* A buffer that is filled from the start; cut: something did not fit. */
struct ph_text {
    char *buffer;
    size_t size, length;
    int cut;
};
#define PH_TEXT(array) {array, sizeof(array), 0, 0}
#define PH_HEX_DIGITS "0123456789abcdef"

static inline size_t ph_length(const char *text)
{
    size_t length = 0;

    while (text[length])
        length++;
    return length;
}

static inline void ph_add_bytes(struct ph_text *text, const char *more, size_t length)
{
    for (; length && text->length + 1 < text->size; length--)
        text->buffer[text->length++] = *more++;
    text->cut |= length != 0;
    text->buffer[text->length] = '\0';
}

static inline void ph_add(struct ph_text *text, const char *more)
{
    ph_add_bytes(text, more, ph_length(more));
}

/* Like ph_add(), but for untrusted text: writes bytes that could control a terminal as \\xNN. */
static inline void ph_add_printable(struct ph_text *text, const char *more)
{
    for (; *more; more++) {
        const unsigned byte = (unsigned char)*more;
        const char plain[] = {*more, '\0'};
        const char hex[] = {'\\', 'x', PH_HEX_DIGITS[byte >> 4], PH_HEX_DIGITS[byte & 15], '\0'};

        ph_add(text, byte >= ' ' && byte < 0x7f ? plain : hex);
    }
}

static inline void ph_add_number(struct ph_text *text, unsigned long number)
{
    char digits[24];
    char *at = digits + sizeof digits - 1;

    *at = '\0';
    do
        *--at = (char)('0' + number % 10);
    while (number /= 10);
    ph_add(text, at);
}

#endif
