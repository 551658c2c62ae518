/* The assumptions of platform/windows.c and its fake about the system's headers. */
#include "expect.h"

#include <io.h>
#include <process.h>

TYPE(&_write, int (*)(int, const void *, unsigned));
TYPE(&_exit, void (*)(int));
