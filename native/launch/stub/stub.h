/* What the launcher writes into the stub before it starts it. */
#ifndef PH_STUB_H
#define PH_STUB_H

#include "../file.h"

#define PH_STUB_MARK "a stand-in for:"
#define PH_STUB_PATH 4096
#define PH_STUB_NAME 16 /* TASK_COMM_LEN */

struct ph_stub_config {
    char mark[16];
    struct ph_identity program;
    uint32_t rehearse; /* 1: map everything, then end with 0 instead of starting the program */
    char name[PH_STUB_NAME]; /* comm: the last part of the name that was executed */
    char path[PH_STUB_PATH]; /* of the program, absolute, no symbolic link in it */
};

#endif
