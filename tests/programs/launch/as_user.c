/* Starts a program as another user, without groups: as_user UID PROGRAM [ARGUMENT...]

   Python's subprocess copies the page tables of the whole test process before it changes the user;
   this program needs only vfork(). It is static, so that no variable of the loader affects it. */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc < 3)
        return 125;
    uid_t user = (uid_t)strtoul(argv[1], NULL, 10);
    if (setgroups(0, NULL) || setgid(user) || setuid(user)) {
        perror("as_user");
        return 125;
    }
    if (strchr(argv[2], '/'))
        execv(argv[2], argv + 2); /* execvp() would give a file without a format to sh */
    else
        execvp(argv[2], argv + 2);
    fprintf(stderr, "as_user: %s: %s\n", argv[2], strerror(errno));
    return errno == ENOENT ? 127 : 126;
}
