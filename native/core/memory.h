/* Functions that compilers call even in a freestanding build (GCC manual, "Standards"); memmove and
 * memcmp are left out, because nothing here needs them. Include this header in only one file of a
 * program. */
#ifndef PH_MEMORY_H
#define PH_MEMORY_H

#include <stddef.h>

/* volatile: otherwise each function would become a call to itself. */
void *memset(void *to, int byte, size_t size);
void *memset(void *to, int byte, size_t size)
{
    for (volatile char *at = to; size; size--)
        *at++ = (char)byte;
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    const char *source = from;

    for (volatile char *at = to; size; size--)
        *at++ = *source++;
    return to;
}

#endif
