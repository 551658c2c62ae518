#define ASK_TRACER "sysctl(KERN_PROC2)"
#define CLEAN "removed(" LOADER ") removed(" LOADER_TOO ")"

#include "../no_inspection.h"
