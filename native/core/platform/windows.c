/* Windows: a stub. Every step is unsupported. */
#include "../platform.h"

#include <errno.h>
#include <io.h>
#include <process.h>

static const char *const loader_variables[] = {NULL};
const char *const *const ph_platform_loader_variables = loader_variables;

/* No variables are removed, so the environment is not needed. */
char ***ph_platform_environ(void)
{
    static char **none;

    return &none;
}

int ph_platform_forget_variable(const char *entry, size_t name_length)
{
    (void)entry, (void)name_length;
    return 0;
}

int ph_platform_privileged(void)
{
    return 0;
}

enum ph_outcome ph_platform_inspection(struct ph_failure *failure)
{
    (void)failure;
    return PH_UNSUPPORTED;
}

enum ph_outcome ph_platform_refuse_tracer(struct ph_failure *failure)
{
    (void)failure;
    return PH_UNSUPPORTED;
}

enum ph_outcome ph_platform_core_limit(struct ph_failure *failure)
{
    (void)failure;
    return PH_UNSUPPORTED;
}

enum ph_outcome ph_platform_no_new_privs(struct ph_failure *failure)
{
    (void)failure;
    return PH_UNSUPPORTED;
}

int ph_platform_seccomp(void)
{
    return 0;
}

enum ph_outcome ph_platform_seal(struct ph_failure *failure)
{
    (void)failure;
    return PH_UNSUPPORTED;
}

int ph_platform_environment_block(struct ph_span *block, struct ph_failure *failure)
{
    (void)failure;
    block->start = block->end = NULL;
    return 0;
}

int ph_platform_start_strings(struct ph_span *strings)
{
    (void)strings;
    return -1;
}

void ph_status(struct ph_status *status)
{
    *status = (struct ph_status){-1, -1, -1, -1, -1, -1, 0, 0, 0};
}

int ph_expose(struct ph_failure *failure)
{
    ph_fail(failure, PH_INSPECTION, "ph_expose", ENOSYS);
    return -1;
}

void ph_warn(const char *line)
{
    unsigned length = 0;

    while (line[length])
        length++;
    /* Errors are ignored: if standard error is closed, there is no other place to write to. */
    (void)_write(2, line, length);
    (void)_write(2, "\n", 1);
}

void ph_exit(int status)
{
    _exit(status);
}
