#include_next <stdlib.h>

#define unsetenv fake_unsetenv
int unsetenv(const char *name);
