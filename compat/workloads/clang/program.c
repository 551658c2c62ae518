#include <stdio.h>

static int square(int n)
{
    return n * n;
}

int main(void)
{
    printf("%d\n", square(7));
    return 0;
}
