/* Holds a canary in its memory: says its pid, the canary's address and the canary, then waits
 * for the end of its input. */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    static unsigned char random[16];
    static char canary[2 * sizeof random + 1];
    char unused;

    if (getentropy(random, sizeof random))
        return 1;
    for (size_t i = 0; i < sizeof random; i++)
        sprintf(canary + 2 * i, "%02x", random[i]);
    printf("%d %lu %s\n", (int)getpid(), (unsigned long)canary, canary);
    if (fflush(stdout))
        return 1;
    while (read(0, &unused, 1) > 0)
        ;
    return 0;
}
