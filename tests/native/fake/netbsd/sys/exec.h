#include "../../openbsd/sys/exec.h"
