/* A library that, before main(), prints the dumpable flag of the process that loads it (with
 * -DLIBRARY), and a program that needs it. */
#include <stdio.h>
#include <sys/prctl.h>

#ifdef LIBRARY
__attribute__((constructor)) static void print_dumpable(void)
{
    printf("%d\n", prctl(PR_GET_DUMPABLE));
}
#else
int main(void)
{
    return 0;
}
#endif
