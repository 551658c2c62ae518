/* Where Windows declares _exit(). */
#include <unistd.h>
