/* The assumptions of platform/posix.h about the headers of macOS and the BSDs. */
#include "expect.h"

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

VALUE(RLIMIT_CORE, 4);
TYPE(&writev, ssize_t (*)(int, const struct iovec *, int));
TYPE(&issetugid, int (*)(void));
