/* The messages for a failure and for the bypass. Pure functions: no system calls. */
#include "hardening.h"

#include <errno.h>

/* strerror(3) is localised, missing from a freestanding build, and omits the names. */
static const struct {
    int number;
    const char *name;
    const char *text;
} errors[] = {
    {EPERM, "EPERM", "Operation not permitted"},
    {ENOENT, "ENOENT", "No such file or directory"},
    {ESRCH, "ESRCH", "No such process"},
    {EINTR, "EINTR", "Interrupted system call"},
    {EIO, "EIO", "Input/output error"},
    {E2BIG, "E2BIG", "Argument list too long"},
    {ENOEXEC, "ENOEXEC", "Exec format error"},
    {EBADF, "EBADF", "Bad file descriptor"},
    {EAGAIN, "EAGAIN", "Resource temporarily unavailable"},
    {ENOMEM, "ENOMEM", "Cannot allocate memory"},
    {EACCES, "EACCES", "Permission denied"},
    {EFAULT, "EFAULT", "Bad address"},
    {EBUSY, "EBUSY", "Device or resource busy"},
    {ENOTDIR, "ENOTDIR", "Not a directory"},
    {EISDIR, "EISDIR", "Is a directory"},
    {EINVAL, "EINVAL", "Invalid argument"},
    {ENFILE, "ENFILE", "Too many open files in system"},
    {EMFILE, "EMFILE", "Too many open files"},
    {EFBIG, "EFBIG", "File too large"},
    {ENOSPC, "ENOSPC", "No space left on device"},
    {ENAMETOOLONG, "ENAMETOOLONG", "File name too long"},
    {ENOSYS, "ENOSYS", "Function not implemented"},
};

struct text {
    char *buffer;
    size_t size;
    size_t length;
};

static void add(struct text *text, const char *more)
{
    while (*more && text->length + 1 < text->size)
        text->buffer[text->length++] = *more++;
}

static void add_number(struct text *text, long number)
{
    char digits[24];
    char *at = digits + sizeof digits - 1;
    unsigned long rest = number < 0 ? 0UL - (unsigned long)number : (unsigned long)number;

    *at = '\0';
    do
        *--at = (char)('0' + rest % 10);
    while (rest /= 10);
    if (number < 0)
        *--at = '-';
    add(text, at);
}

static void add_error(struct text *text, int error)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        if (errors[i].number == error) {
            add(text, errors[i].text);
            add(text, " (");
            add(text, errors[i].name);
            add(text, ")");
            return;
        }
    }
    add(text, "error ");
    add_number(text, error);
}

void ph_describe(const struct ph_failure *failure, char *buffer, size_t size)
{
    struct text text = {buffer, size, 0};

    add(&text, failure->call);
    switch (failure->reason) {
    case PH_CALL_FAILED:
        add(&text, " failed: ");
        add_error(&text, failure->error);
        break;
    case PH_NOT_IN_FORCE:
        add(&text, " reported success but is not in force (read back: ");
        add_number(&text, failure->value);
        add(&text, ")");
        break;
    case PH_TRACED:
        add(&text, " refused: a tracer is attached");
        if (failure->value) {
            add(&text, " (process ");
            add_number(&text, failure->value);
            add(&text, ")");
        }
        break;
    }
    buffer[text.length] = '\0';
}

void ph_last_words(const char *description, int status, const char *bypass, char *buffer,
                   size_t size)
{
    struct text text = {buffer, size, 0};

    add(&text, "process-hardening: ");
    add(&text, description);
    add(&text, "; exiting with status ");
    add_number(&text, status);
    if (bypass) {
        add(&text, " (");
        add(&text, bypass);
        add(&text, "=1 starts without hardening, which exposes secrets)");
    }
    buffer[text.length] = '\0';
}

void ph_message(const struct ph_report *report, const struct ph_policy *policy, char *buffer,
                size_t size)
{
    struct text text = {buffer, size, 0};
    char description[PH_MESSAGE_SIZE];

    if (!report->bypassed) {
        ph_describe(&report->failure, description, sizeof description);
        ph_last_words(description, (int)report->failure.exit_code, policy->bypass, buffer, size);
        return;
    }
    add(&text, "process-hardening: ");
    add(&text, policy->bypass);
    add(&text, "=1: starting without hardening, which exposes secrets");
    buffer[text.length] = '\0';
}
