#include <stdlib.h>
#include <unistd.h>

int main(void)
{
    char *kept = malloc(10);
    char *lost = malloc(20);

    kept[0] = 'x';
    lost = NULL;
    if (fork() == 0)
        execl("/bin/echo", "echo", "from a child", NULL);
    sleep(1);
    free(kept);
    return lost != NULL;
}
