/* Confining a launcher, which then becomes the program (Linux). */
#ifndef PH_CONFINEMENT_H
#define PH_CONFINEMENT_H

#include "../core/text.h"
#include "domain.h"

/* Where the core of a crashed process outside would go: core(5). */
void ph_add_core(struct ph_text *text);

/* The arguments and variables that a program was started with, which are in one piece. */
struct ph_span ph_find_strings(char **argv);

/* Confines this process, whose start_strings hold the secrets that it has. What the kernel cannot
 * restrict is added to gaps, or if that is NULL printed; with strict it is an error. Returns 0, or
 * PH_EXIT_CANNOT after ph_complain(). */
int ph_confine_launcher(unsigned flags, int strict, const struct ph_span *start_strings,
                        struct ph_text *gaps);

/* What signals to processes outside do besides crashing them: runtimes.py has the facts. */
#define PH_SIGNALS_OPEN                                                                            \
    "a signal shows it the memory of a Node.js, Deno, JVM or Erlang that was not started closed"

#endif
