/* errno, and the two functions that compilers call even in a freestanding build. Hidden, so that
 * the definition of another library is not called instead. */
#include "libc.h"

#include <stddef.h>

/* glibc and musl. */
extern int *__errno_location(void) __attribute__((weak));

long ph_return(long result)
{
    if (result >= 0 || result < -4095)
        return result;
    if (__errno_location)
        *__errno_location() = (int)-result;
    return -1;
}

/* volatile, since the compiler may turn the loops into calls of themselves. */
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
