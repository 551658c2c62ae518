/* The assumptions of platform/freebsd.c and its fake about the system's headers. */
#include "posix.h"

#include <stdlib.h>
#include <sys/exec.h>
#include <sys/procctl.h>
#include <sys/sysctl.h>

TYPE(&procctl, int (*)(idtype_t, id_t, int, void *));
TYPE(&sysctlbyname, int (*)(const char *, void *, size_t *, const void *, size_t));
TYPE(&unsetenv, int (*)(const char *));
VALUE(PROC_TRACE_CTL, 7);
VALUE(PROC_TRACE_STATUS, 8);
VALUE(PROC_TRACE_CTL_DISABLE_EXEC, 3);
VALUE(PROC_NO_NEW_PRIVS_CTL, 19);
VALUE(PROC_NO_NEW_PRIVS_STATUS, 20);
VALUE(PROC_NO_NEW_PRIVS_ENABLE, 1);
FIELD(struct ps_strings, ps_envstr, char **);
FIELD(struct ps_strings, ps_nenvstr, unsigned);
