/* A program that holds a secret, in its memory and in an open file without a name.
 *
 * Usage: victim SECRET. It prints the address and the size of the secret, then does what the lines
 * of its standard input say: "burn" uses up processor time, "write" writes far behind the start of a file. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAR (1 << 20) /* a limit of the size of files that still leaves room for a core */

int main(int argc, char **argv)
{
    char line[64];
    char *secret = argc == 2 ? strdup(argv[1]) : NULL;
    const int file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    size_t length;

    if (!secret || file < 0)
        return 1;
    length = strlen(secret);
    if (write(file, secret, length) != (ssize_t)length)
        return 1;
    memset(argv[1], 'x', length); /* arguments are not secret */
    printf("%lu %zu\n", (unsigned long)secret, length);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        if (!strcmp(line, "burn\n"))
            for (volatile unsigned long i = 0;; i++)
                ;
        if (!strcmp(line, "write\n") && pwrite(file, line, 1, FAR) == 1)
            puts("written");
        fflush(stdout);
    }
    return 0;
}
