/* The two programs embedded in the launcher, and what the launcher writes into the first. */
#ifndef PH_STAND_IN_H
#define PH_STAND_IN_H

#include "../exec/linux_file.h"

/* Compiled from stand_in.c and namespace.c: see embed.cmake. */
extern const unsigned char ph_stand_in[], ph_namespace[];
extern const size_t ph_stand_in_size, ph_namespace_size;

#define PH_STAND_IN_SIZE (1 << 14)
#define PH_STAND_IN_MARK "a stand-in for:"
#define PH_STAND_IN_NAME 16 /* TASK_COMM_LEN */

struct ph_stand_in_config {
    char mark[16];
    struct ph_identity program;
    uint32_t rehearse; /* 1: map everything, then exit with 0 instead of starting the program */
    char name[PH_STAND_IN_NAME]; /* comm: the last part of the name that was executed */
    char path[PH_PATH];          /* of the program: absolute, without symbolic links */
};

#endif
