/* Holds a canary and says where: "PID ADDRESS CANARY DUMPABLE VARIABLES". Waits for the end of its
 * input. VARIABLES are the names of ours and the loader's in its environment, joined by ",". */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

extern char **environ;
static volatile char canary[33];

int main(void)
{
    char byte, names[1024] = "-";

    for (int i = 0; i < 32; i++) {
        unsigned char random;

        if (getentropy(&random, 1))
            return 1;
        canary[i] = "0123456789abcdef"[random & 15];
    }
    for (char **at = environ; *at; at++)
        /* MUST_WORK is the tests' own. */
        if (!strncmp(*at, "LD_", 3) ||
            (!strncmp(*at, "PROCESS_HARDENING_", 18) && strncmp(*at + 18, "MUST_WORK=", 10)))
            strcat(strncat(names, *at, strcspn(*at, "=")), ",");
    printf("%d %zu %s %d %s\n", (int)getpid(), (size_t)canary, (const char *)(size_t)canary,
           prctl(PR_GET_DUMPABLE), names);
    fflush(stdout);
    return read(0, &byte, 1) == 0 ? 0 : 1;
}
