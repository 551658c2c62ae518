/* Loads our library (native/preload/) into the program. */
#ifndef PH_LIBRARY_H
#define PH_LIBRARY_H

#include "options.h"
#include "program.h"

#define PH_LIBRARY_ENTRIES 5

/* Why LD_PRELOAD cannot load a library from this path into a program, or NULL. */
const char *ph_library_objection(const char *path);

/* Notes what the library has to do in children, according to the options and to the variables that
 * an outer launcher, which hardens all children, left in environ. Returns 0, or an exit status
 * after ph_complain(). */
int ph_take_over_children(struct ph_options *options);

/* Chooses the bypass variable: from the options, from an outer launcher that hardens all children,
 * or own. Notes it for the library. Returns NULL if there is none. */
const char *ph_choose_bypass(const struct ph_options *options, const char *own);

/* Finds the library. path -- where it is; NULL: next to the command. Sets why_not to the reason why
 * it cannot be loaded into the program, or to NULL. Returns 0, or an exit status after
 * ph_complain(). */
int ph_prepare_library(const char *path, const struct ph_program *program,
                       const struct ph_options *options, const char **why_not);

/* Adds what the library needs to an environment that has room for PH_LIBRARY_ENTRIES and a null
 * pointer. Returns its new end, or NULL after ph_complain(). */
char **ph_add_library(char **entries, char **end, const struct ph_program *program,
                      const struct ph_options *options);

#endif
