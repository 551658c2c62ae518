/* Says that it was started, and whether it sees more of a process than its own domain allows.
 * Usage: reaches PID. It makes few calls, none of which the tests refuse. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    const char *text = "started\n";
    char path[64], program[8];

    if (argc != 2)
        return 2;
    snprintf(path, sizeof path, "/proc/%s/exe", argv[1]);
    if (readlink(path, program, sizeof program) > 0)
        text = "started, and reaches it\n";
    return write(1, text, strlen(text)) < 0;
}
