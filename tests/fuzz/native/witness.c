/* The interpreter of the scripts of script.c: writes what it was started with to REPORT. First its
 * name as the kernel has it, then the number of its arguments, then the arguments and the
 * environment, one after the other as they lie in memory. */
#include "script.h"

#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv, char **variables)
{
    struct report report = {.arguments = argc};
    const char *end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;

    for (; *variables; variables++)
        end = *variables + strlen(*variables) + 1;
    if (prctl(PR_GET_NAME, report.name) ||
        write(REPORT, &report, sizeof report) != (ssize_t)sizeof report)
        return 1;
    return write(REPORT, argv[0], (size_t)(end - argv[0])) < 0;
}
