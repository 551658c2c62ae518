/* Maps files as code: each of the arguments from the third on, and then two other pages in turn,
 * as often as the first argument says. Prints a line, and stays until its standard input ends. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void map(int fd)
{
    if (fd < 0 || mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED) {
        perror("map");
        exit(1);
    }
}

int main(int count, char **arguments)
{
    const long pages = atol(arguments[1]);
    const int fds[] = {open(arguments[0], O_RDONLY), open(arguments[2], O_RDONLY)};

    for (int number = 3; number < count; number++) {
        const int fd = open(arguments[number], O_RDONLY);

        map(fd);
        close(fd);
    }
    for (long page = 0; page < pages; page++)
        map(fds[page & 1]);
    printf("%d\n", getpid());
    fflush(stdout);
    while (getchar() != EOF)
        continue;
    return 0;
}
