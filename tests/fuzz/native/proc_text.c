/* What the core reads of /proc: core/platform/linux.c and linux_proc.c.
 *
 * Input: the text of whatever file is read. */
#define _GNU_SOURCE
#include "fuzz.h"

#include "core/platform/linux_syscall.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>

static int text_file = -1;

/* Every file that is opened has our text; what could be asked otherwise is refused. */
static long answer(long number, long a, long b, long c, long d, long e, long f)
{
    char path[64];

    if (number == SYS_prlimit64)
        return -EPERM;
    if (number != SYS_openat)
        return ph_syscall6(number, a, b, c, d, e, f);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", text_file);
    return ph_syscall(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0);
}

#define ph_syscall(number, a, b, c, d, e) answer(number, a, b, c, d, e, 0)
#define ph_syscall6 answer
#include "core/platform/linux.c"
#include "core/platform/linux_proc.c"
#undef ph_syscall
#undef ph_syscall6

/* The decimal number after a label at the start of a line, blanks between; NULL: there is none. */
static const char *find_line(const char *text, const char *label)
{
    for (const char *at = text; (at = strstr(at, label)); at++)
        if (at > text && at[-1] == '\n')
            return at + strlen(label) + strspn(at + strlen(label), " \t");
    return NULL;
}

static int is_zero(const char *number)
{
    const size_t zeros = number ? strspn(number, "0") : 0;

    return zeros && !isdigit((unsigned char)number[zeros]);
}

static void check_status(const char *text)
{
    struct ph_thread thread;

    if (ph_read_thread("status", &thread)) {
        EXPECT(thread.tracer == -1 && thread.seccomp == -1 && thread.filters == -1);
        return;
    }
    /* Neither a tracer nor a filter is overlooked. */
    EXPECT(thread.tracer || is_zero(find_line(text, "TracerPid:")));
    EXPECT(thread.seccomp || is_zero(find_line(text, "Seccomp:")) || !strstr(text, "\nSeccomp:"));
    EXPECT(thread.filters || is_zero(find_line(text, "Seccomp_filters:")));
}

static void check_limits(const char *text)
{
    struct limit limit = {1, 1};
    const char *soft = find_line(text, "Max core file size");

    if (read_core_limit(&limit))
        return;
    EXPECT(soft);
    EXPECT(limit.soft || is_zero(soft));
    soft += strspn(soft, "0123456789");
    EXPECT(limit.hard || is_zero(soft + strspn(soft, " \t")));
}

static void check_stat(void)
{
    struct ph_span block = {NULL, NULL};
    struct ph_failure failure = {0};

    if (ph_platform_environment_block(&block, &failure))
        EXPECT(failure.exit_code == PH_EXIT_ENVIRONMENT && failure.call);
    else
        EXPECT(block.start && block.start <= block.end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64], *text;

    limit_time();
    if (text_file < 0)
        text_file = make_file(path);
    fill_file(text_file, data, size);
    text = copy_bytes(data, size < 4095 ? size : 4095); /* as much as is read */
    check_status(text);
    check_limits(text);
    check_stat();
    free(text);
    return 0;
}
