/* What the commands print (Linux). */
#ifndef PH_OUTPUT_H
#define PH_OUTPUT_H

#include "../core/text.h"

#define PH_EXIT_USAGE 2
#define PH_EXIT_CANNOT 126
#define PH_EXIT_NOT_FOUND 127

/* Prints "process-hardening: WHO: WHAT": why nothing is started, or a note if status is 0. If who
 * is NAME=VALUE, prints NAME=..., since the value may be a secret. Returns status. */
int ph_complain(int status, const char *who, const char *what);
/* "CALL failed: WHY", in a buffer that the next call overwrites. error -- a negative errno value */
const char *ph_call_failed(const char *call, long error);
/* Writes to standard output. Returns 0, or PH_EXIT_USAGE after ph_complain(). */
extern int (*ph_print)(const char *text, size_t length);
/* What ph_complain() does with a line for a failure: by default, it writes it to standard error. */
extern void (*ph_complaint)(const char *line);
/* Adds a line of --explain: a label and its value. */
void ph_add_fact(struct ph_text *text, const char *label, const char *value, const char *more);

#endif
