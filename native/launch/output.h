/* What the commands print (Linux). */
#ifndef PH_OUTPUT_H
#define PH_OUTPUT_H

#include "../core/hardening.h"
#include "../core/text.h"

struct ph_program;

/* Prints "process-hardening: WHO: WHAT", which is the reason why nothing is started or, if status
 * is 0, a note. If who is NAME=VALUE, prints NAME=..., since the value may be a secret. Returns
 * status. */
int ph_complain(int status, const char *who, const char *what);
/* Returns "CALL failed: WHY" in a buffer that is reused. error -- a negative errno value */
const char *ph_call_failed(const char *call, long error);
/* Returns why the kernel cannot execute a program that ph_program_find() accepts (ENOEXEC). */
const char *ph_explain_format(const struct ph_program *program);
/* Writes to standard output. Returns 0, or PH_EXIT_USAGE after ph_complain(). */
extern int (*ph_print)(const char *text, size_t length);
/* ph_complain() calls this for a failure. By default, it writes the line to standard error. */
extern void (*ph_complaint)(const char *line);
/* Adds a line of --explain: a label and its value. */
void ph_add_fact(struct ph_text *text, const char *label, const char *value, const char *more);

#endif
