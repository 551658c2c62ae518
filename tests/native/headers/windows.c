/* What platform/windows.c and its fake take for granted. */
#include "expect.h"

#include <io.h>
#include <process.h>

TYPE(&_write, int (*)(int, const void *, unsigned));
TYPE(&_exit, void (*)(int));
