/* Runs for a twentieth of a second, which is hundreds of attempts for an attacker. */
#define _GNU_SOURCE
#include <unistd.h>

int main(void)
{
    usleep(50000);
    return 0;
}
