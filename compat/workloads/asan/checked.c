/* Without an argument it ends well; with one it reads behind an allocation. */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    char *text = malloc(4);
    int index = argc > 1 ? atoi(argv[1]) : 3;

    text[3] = 'x';
    printf("%c\n", text[index] == 'x' ? 'x' : '-');
    free(text);
    return 0;
}
