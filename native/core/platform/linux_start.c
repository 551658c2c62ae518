/* Linux: the strings that exec put on the stack, found from the auxiliary vector.
 * ../initial_block.c explains how to measure the time that this saves. */
#include "../platform.h"

#include <sys/auxv.h>

/* Weak, so that the preload library links without libc. */
extern unsigned long getauxval(unsigned long type) __attribute__((weak));

#define RANDOM_BYTES 16

/* Type: finds a range that includes the initial environment, without a system call.
 * Targets: the time spent on reading /proc/self/stat. API: getauxval(AT_RANDOM, AT_EXECFN).
 * Errors: returns -1 if AT_EXECFN is not where the kernel puts it.
 *
 * The stack contains, from low to high addresses: 16 random bytes, the arguments, the environment,
 * the program's name, a null pointer from the kernel, and the end of a page. If the program was
 * started as "ld.so PROGRAM", glibc points AT_EXECFN to an argument, and the end is unknown.
 * Source: fs/binfmt_elf.c create_elf_tables(), fs/exec.c, glibc's elf/rtld.c. */
int ph_platform_start_strings(struct ph_span *strings)
{
    unsigned long random = getauxval ? getauxval(AT_RANDOM) : 0;
    unsigned long name = getauxval ? getauxval(AT_EXECFN) : 0;
    unsigned long end = name, left;

    if (!random || name < random)
        return -1;
    while (*(const char *)end)
        end++;
    left = -(end + 1) & (getauxval(AT_PAGESZ) - 1);
    if (left != sizeof(uint32_t) && left != sizeof(uint64_t))
        return -1;
    strings->start = (char *)(random + RANDOM_BYTES);
    strings->end = (char *)name;
    return 0;
}
