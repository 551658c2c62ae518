/* A library for LD_PRELOAD that hides from /proc/PID/environ that it was requested: by cutting
 * itself out of the value, or with RENAME by giving the variable another name. */
#include <string.h>

__attribute__((constructor)) static void forge(int count, char **arguments, char **environment)
{
    (void)count;
    (void)arguments;
    for (; *environment; environment++) {
        char *colon = strchr(*environment, ':');

        if (strncmp(*environment, "LD_PRELOAD=", 11))
            continue;
#ifdef RENAME
        (*environment)[0] = 'X';
#endif
        if (colon)
            memcpy(colon, "\0A=", 3);
    }
}
