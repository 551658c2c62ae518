/* Prints the last line of its own file, as a self-extracting program reads what is appended:
 * by the path that /proc/self/exe names, as AppImage does, and by the name it was called by. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void print_end(const char *how, const char *path)
{
    char text[13] = "";
    int fd = open(path, O_RDONLY);

    if (fd < 0) {
        perror(how);
        return;
    }
    lseek(fd, -12, SEEK_END);
    if (read(fd, text, 12) == 12)
        printf("%s: %s", how, text);
    close(fd);
}

int main(int argc, char **argv)
{
    char path[4096] = "";

    (void)argc;
    if (readlink("/proc/self/exe", path, sizeof path - 1) < 0)
        return 1;
    print_end("the path it names", path);
    print_end("the name it was called by", argv[0]);
    return 0;
}
