/* Prints its own state at the start of main(), one fact per line. With the argument
 * "again", it first execs itself once with the same environment. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static void print_list(const char *label, char *const *list)
{
    printf("%s", label);
    for (; *list; list++)
        printf("|%s", *list);
    printf("\n");
}

/* Prints the strings of /proc/self/environ, or why it cannot be read. */
static void print_block(void)
{
    static char text[65536];
    /* A non-dumpable process can read its own only as root. */
    int undone = prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    int fd = open("/proc/self/environ", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

    printf("block");
    if (length < 0)
        printf(" error %d, %d", errno, undone);
    for (const char *at = text; at < text + length; at += strlen(at) + 1)
        if (*at)
            printf("|%s", at);
    printf("\n");
    close(fd);
}

static void print_capabilities(void)
{
    char line[256];
    FILE *status = fopen("/proc/self/status", "re");

    while (status && fgets(line, sizeof line, status))
        if (!strncmp(line, "CapEff:", 7))
            printf("%s", line);
    if (status)
        fclose(status);
}

static void print_image(void)
{
    char target[256] = "";
    struct stat image = {0};
    int fd, failed = stat("/proc/self/exe", &image);

    /* Truncated, and NUL-terminated since the last byte is never written. */
    failed |= readlink("/proc/self/exe", target, sizeof target - 1) < 0;
    printf("image %s mode %o%s\n", target, image.st_mode & 07777, failed ? " failed" : "");
    fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        printf("seals error %d\n", errno);
    else
        printf("seals %d\n", fcntl(fd, F_GET_SEALS));
    close(fd);
}

int main(int argc, char **argv)
{
    struct rlimit core = {1, 1};

    printf("dumpable %d\n", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    printf("core %d", getrlimit(RLIMIT_CORE, &core));
    printf(" %ju %ju\n", (uintmax_t)core.rlim_cur, (uintmax_t)core.rlim_max);
    print_list("arguments", argv);
    print_list("variables", environ);
    print_block();
    print_capabilities();
    printf("descriptors");
    for (int fd = 0; fd < 256; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf(" %d", fd);
    printf("\n");
    print_image();
    fflush(stdout);
    if (argc > 1 && !strcmp(argv[1], "again")) {
        execve(argv[0], (char *[]){argv[0], NULL}, environ);
        return 98;
    }
    return 0;
}
