/* The lists that the launcher passes to our library in variables: the names of the variables to
 * keep, and the programs that are not to be hardened when they are started as children. */
#ifndef PH_EXCEPTIONS_H
#define PH_EXCEPTIONS_H

/* The size of the longest entry that the launcher writes: NAME=, the patterns and a NUL. */
#define PH_LIST_SIZE 4096

/* Whether a list of patterns, joined by ":", matches a program's base name. "*" stands for any
 * text, "?" for one character. */
int ph_matches_any(const char *patterns, const char *name);

#endif
