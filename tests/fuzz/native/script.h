/* What script.c and witness.c have in common. */
#ifndef PH_SCRIPT_H
#define PH_SCRIPT_H

#define REPORT 100 /* the descriptor that the witness writes to */

struct report {
    char name[16];
    int arguments;
};

#endif
