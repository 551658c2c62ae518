/* Confining a launcher, which then becomes the program (Linux). */
#ifndef PH_CONFINEMENT_H
#define PH_CONFINEMENT_H

#include "../core/text.h"
#include "domain.h"

/* Adds the destination of a crashed process's core dump: core(5). */
void ph_add_core(struct ph_text *text);

/* The arguments and variables that a program was started with, which are contiguous. */
struct ph_span ph_find_strings(char **argv);

/* Confines this process. start_strings: its arguments and variables, which may contain secrets. Any
 * restriction that the kernel lacks is added to gaps, or printed if gaps is NULL; with strict, a
 * missing restriction is an error. Returns 0, or PH_EXIT_CANNOT after ph_complain(). */
int ph_confine_launcher(unsigned flags, int strict, const struct ph_span *start_strings,
                        struct ph_text *gaps);

/* What signals can do to other processes in addition to crashing them: see runtimes.py. */
#define PH_SIGNALS_OPEN                                                                            \
    "a signal makes Node.js, Deno, a JVM or Erlang disclose its memory unless that was disabled"

#endif
