/* Becomes a program with exactly these entries in its environment: ENTRY... -- PROGRAM ARGUMENT...
 * An environment may have several entries with the same name; few programs can make one. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int count, char **words)
{
    for (int i = 1; i < count - 1; i++)
        if (!strcmp(words[i], "--")) {
            words[i] = NULL;
            execve(words[i + 1], words + i + 1, words + 1);
            break;
        }
    perror("with_entries");
    return 1;
}
