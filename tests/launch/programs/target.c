/* Runs for a fifth of a second, which is thousands of attempts for an attacker. */
#define _GNU_SOURCE
#include <unistd.h>

int main(void)
{
    usleep(200000);
    return 0;
}
