#include <stdio.h>

static int twice(int n)
{
    return 2 * n;
}

int main(void)
{
    const int answer = twice(21);

    printf("%d\n", answer);
    return answer == 42 ? 3 : 1;
}
