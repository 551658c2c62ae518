#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path);

    printf("%d %s %.*s\n", argc, argv[argc - 1], (int)length, path);
    return 0;
}
