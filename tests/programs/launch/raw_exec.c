/* Starts a program with exactly this environment: duplicates and what is no "NAME=VALUE" too.
 *
 * Usage: raw_exec COUNT ENTRY... PROGRAM [ARG...], with COUNT entries. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    size_t count = (size_t)atoi(argv[1]);
    char **entries = calloc(count + 1, sizeof *entries);

    if (!entries || (size_t)argc < count + 3)
        return 125;
    memcpy(entries, argv + 2, count * sizeof *entries);
    execve(argv[count + 2], argv + count + 2, entries);
    perror(argv[count + 2]);
    return 125;
}
