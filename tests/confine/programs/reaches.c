/* Exits with 11 if it sees more of a process than its own domain allows, else with 10.
 * Usage: reaches PID. It makes few calls, none of which the tests refuse. */
#define _GNU_SOURCE
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char path[64], program[8];

    if (argc != 2)
        return 2;
    snprintf(path, sizeof path, "/proc/%s/exe", argv[1]);
    return readlink(path, program, sizeof program) > 0 ? 11 : 10;
}
