/* Sets errno, and defines the functions of memory.h. These are hidden, so that no other library's
 * definitions are called instead. */
#include "libc.h"

#include "../core/memory.h"

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
