/* What the commands print (Linux). */
#ifndef PH_OUTPUT_H
#define PH_OUTPUT_H

#include "../core/text.h"

#define PH_EXIT_USAGE 2
#define PH_EXIT_CANNOT 126
#define PH_EXIT_NOT_FOUND 127

/* Says why nothing is started, or for status 0 what to know of the start: "process-hardening: WHO:
 * WHAT". Of who, NAME=VALUE is shown as NAME=...: the value may be a secret. Returns status. */
int ph_complain(int status, const char *who, const char *what);
/* "CALL failed: WHY", in a buffer that the next call overwrites. error -- a negative errno value */
const char *ph_call_failed(const char *call, long error);
/* Writes to standard output. Returns 0, or PH_EXIT_USAGE after ph_complain(). */
int ph_print(const char *text, size_t length);
/* What ph_complain() does with a line that has a status: by default, writes it to standard error. */
extern void (*ph_complaint)(const char *line);
/* Adds a fact of --explain: a label, and what it says. */
void ph_add_fact(struct ph_text *text, const char *label, const char *value, const char *more);

#endif
