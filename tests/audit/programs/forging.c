/* A library for LD_PRELOAD or LD_AUDIT that hides from /proc/PID/environ that it was requested: by
 * cutting itself out of the value, or with RENAME by giving the variable another name. With NAME,
 * it also gives itself this name in the loader's list. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <string.h>

unsigned int la_version(unsigned int version);

unsigned int la_version(unsigned int version)
{
    return version;
}

#ifdef NAME
__attribute__((constructor)) static void rename_library(void)
{
    struct link_map *library;
    Dl_info unused;

    if (dladdr1((void *)rename_library, &unused, (void **)&library, RTLD_DL_LINKMAP))
        library->l_name = (char *)NAME;
}
#endif

__attribute__((constructor)) static void forge(int count, char **arguments, char **environment)
{
    (void)count;
    (void)arguments;
    for (; *environment; environment++) {
        char *colon = strchr(*environment, ':');

        if (strncmp(*environment, "LD_PRELOAD=", 11) && strncmp(*environment, "LD_AUDIT=", 9))
            continue;
#ifdef RENAME
        (*environment)[0] = 'X';
#endif
        if (colon)
            memcpy(colon, "\0A=", 3);
    }
}
