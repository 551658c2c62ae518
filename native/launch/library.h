/* Loads our library (native/preload/) into the program. */
#ifndef PH_LIBRARY_H
#define PH_LIBRARY_H

#include "options.h"
#include "program.h"

#define PH_LIBRARY_ENTRIES 5

/* Why LD_PRELOAD cannot load a library from this path into a program, or NULL. */
const char *ph_library_objection(const char *path);

/* Notes what the library has to do in children. The options decide that, together with the
 * variables that an outer launcher left in environ if it hardens all children. Returns 0, or an
 * exit status after ph_complain(). */
int ph_take_over_children(struct ph_options *options);

/* Chooses the name of the bypass variable: the one in the options, else the one of an outer
 * launcher that hardens all children, else own. Notes the name for the library. Returns NULL if
 * there is no bypass variable. */
const char *ph_choose_bypass(const struct ph_options *options, const char *own);

/* Finds the library. path -- where it is; NULL: next to the command. Sets why_not to the reason why
 * the program cannot load it, or to NULL if it can. Returns 0, or an exit status after
 * ph_complain(). */
int ph_prepare_library(const char *path, const struct ph_program *program,
                       const struct ph_options *options, const char **why_not);

/* Adds the variables that load and configure the library to an environment, which must have room
 * for PH_LIBRARY_ENTRIES more entries and a null pointer. Returns the environment's new end, or
 * NULL after ph_complain(). */
char **ph_add_library(char **entries, char **end, const struct ph_program *program,
                      const struct ph_options *options);

#endif
