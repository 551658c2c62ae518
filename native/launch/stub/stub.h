/* The two programs embedded in the launcher, and what the launcher writes into the first. */
#ifndef PH_STUB_H
#define PH_STUB_H

#include "../../exec/linux_file.h"

/* Compiled from load.c and namespace.c: see embed.cmake. */
extern const unsigned char ph_stub[], ph_namespace[];
extern const size_t ph_stub_size, ph_namespace_size;

#define PH_STUB_SIZE (1 << 14)
#define PH_STUB_MARK "a stand-in for:"
#define PH_STUB_NAME 16 /* TASK_COMM_LEN */

struct ph_stub_config {
    char mark[16];
    struct ph_identity program;
    uint32_t rehearse; /* 1: map everything, then exit with 0 instead of starting the program */
    char name[PH_STUB_NAME]; /* comm: the last part of the name that was executed */
    char path[PH_PATH];      /* of the program: absolute, without symbolic links */
};

#endif
