/* A program like one that needs CUDA: linked with a library in a folder that only
 * LD_LIBRARY_PATH names. Prints what the library answers. */
#include <stdio.h>

int answer(void);

int main(void)
{
    return printf("%d\n", answer()) < 0;
}
