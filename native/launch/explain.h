/* What --explain prints. */
#ifndef PH_EXPLAIN_H
#define PH_EXPLAIN_H

#include "options.h"
#include "program.h"

/* Notes whether other processes of the user can read this one; call it before hardening. */
void ph_note_start(void);
/* Whether they could although the user cannot read the launcher's file. */
int ph_was_exposed_unexpectedly(void);
#define PH_EXPOSED_UNEXPECTEDLY                                                                    \
    "its user cannot read its file, but could read its memory until it had hardened itself: what"  \
    " executed it held CAP_DAC_OVERRIDE or CAP_DAC_READ_SEARCH, as setpriv --reuid does (use"      \
    " runuser), or fs.suid_dumpable is 1"

/* Prints how the program would be started. no_library -- why our library is not loaded, or NULL;
 * because -- why no stronger method is used; removed -- the names of the removed variables.
 * Returns 0, or an exit status after ph_complain(). */
int ph_explain(enum ph_method method, const struct ph_program *program,
               const struct ph_options *options, const char *no_library, const char *because,
               const char *removed);
/* Prints how the program would be started if the bypass variable is set. Returns what ph_explain()
 * returns. */
int ph_explain_bypass(const struct ph_program *program);

#endif
