/* Prints the user whose rights it has. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    printf("%u\n", (unsigned)geteuid());
    return 0;
}
