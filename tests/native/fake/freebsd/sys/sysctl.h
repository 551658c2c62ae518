#include <stddef.h>

#define sysctlbyname fake_sysctlbyname
int sysctlbyname(const char *name, void *old, size_t *old_size, const void *new, size_t new_size);
