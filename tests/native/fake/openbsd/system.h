#define ASK_TRACER "sysctl(KERN_PROC_PID)"
#define FIND "sysctl(VM_PSSTRINGS)"
#define CLEAN "removed(" LOADER ") removed(" LOADER_TOO ") " FIND

#include "../no_inspection.h"
