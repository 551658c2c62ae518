/* The messages for a failure and for the bypass. Pure functions: no system calls. */
#include "hardening.h"
#include "text.h"

#include <errno.h>

/* strerror(3) is localized, is missing from a freestanding build, and omits the errno names. */
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
    {ECHILD, "ECHILD", "No child processes"},
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
    {EPIPE, "EPIPE", "Broken pipe"},
    {ENAMETOOLONG, "ENAMETOOLONG", "File name too long"},
    {ELOOP, "ELOOP", "Too many levels of symbolic links"},
    {ENOSYS, "ENOSYS", "Function not implemented"},
    {EOPNOTSUPP, "EOPNOTSUPP", "Operation not supported"},
};

static void add_signed(struct ph_text *text, long number)
{
    if (number < 0)
        ph_add(text, "-");
    ph_add_number(text, number < 0 ? 0UL - (unsigned long)number : (unsigned long)number);
}

static void add_error(struct ph_text *text, int error)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        if (errors[i].number == error) {
            ph_add(text, errors[i].text);
            ph_add(text, " (");
            ph_add(text, errors[i].name);
            ph_add(text, ")");
            return;
        }
    }
    ph_add(text, "error ");
    add_signed(text, error);
}

void ph_describe(const struct ph_failure *failure, char *buffer, size_t size)
{
    struct ph_text text = {buffer, size, 0, 0};

    ph_add(&text, failure->call);
    switch (failure->reason) {
    case PH_CALL_FAILED:
        ph_add(&text, " failed: ");
        add_error(&text, failure->error);
        break;
    case PH_NOT_IN_FORCE:
        ph_add(&text, " reported success but is not in force (read back: ");
        add_signed(&text, failure->value);
        ph_add(&text, ")");
        break;
    case PH_CONTRADICTED:
        ph_add(&text, " is not in force: a seccomp filter forges the result; run without it");
        break;
    case PH_TRACED:
        ph_add(&text, " refused: a tracer is attached");
        if (failure->value) {
            ph_add(&text, " (process ");
            add_signed(&text, failure->value);
            ph_add(&text, ")");
        }
        break;
    case PH_BYPASS_REFUSED:
        ph_add(&text, "=1 would skip hardening, which is refused here: unset it (docs/develop.md)");
        break;
    }
}

void ph_last_words(const char *description, int status, const char *bypass, char *buffer,
                   size_t size)
{
    struct ph_text text = {buffer, size, 0, 0};

    ph_add(&text, "process-hardening: ");
    ph_add(&text, description);
    ph_add(&text, "; exiting with status ");
    add_signed(&text, status);
    if (bypass) {
        ph_add(&text, " (");
        ph_add(&text, bypass);
        ph_add(&text, "=1 starts without hardening, which exposes secrets)");
    }
}

void ph_message(const struct ph_report *report, const struct ph_policy *policy, char *buffer,
                size_t size)
{
    struct ph_text text = {buffer, size, 0, 0};
    char description[PH_MESSAGE_SIZE];

    if (!report->bypassed) {
        ph_describe(&report->failure, description, sizeof description);
        ph_last_words(description, (int)report->failure.exit_code,
                      policy->refuse_bypass ? NULL : policy->bypass, buffer, size);
        return;
    }
    ph_add(&text, "process-hardening: ");
    ph_add(&text, policy->bypass);
    ph_add(&text, "=1: starting without hardening, which exposes secrets");
}
