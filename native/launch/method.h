/* The methods of starting a program hardened. */
#ifndef PH_METHOD_H
#define PH_METHOD_H

#include "options.h"
#include "program.h"

/* The names of a method: shortly is for reasons, text for --explain. */
extern const struct ph_method_name {
    const char *shortly, *text;
} ph_method_names[PH_METHODS];

/* Whether patterns (native/exec/handover.h) match the program. The library sees the name of
 * what a loader loads. */
int ph_program_is_listed(const struct ph_program *program, const char *patterns);

/* Why a method cannot be used, if that is known without trying it; else NULL. no_library -- why our
 * library cannot be loaded, or NULL. */
const char *ph_objection(enum ph_method method, const struct ph_program *program,
                         const char *no_library);

/* Executes the program by a method. rehearse -- whether only to test the method, in a child and
 * with a stub that stops before starting the program. Returns 0 after a successful rehearsal. On
 * failure, sets call to what failed and returns a negative errno value, or -PH_EXIT_CANNOT if the
 * stub has already printed the reason. */
long ph_execute(enum ph_method method, const struct ph_program *program, char *const *envp,
                int rehearse, const char **call);

#endif
