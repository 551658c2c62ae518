/* Programs that are not hardened as children. */
#ifndef PH_EXCEPTIONS_H
#define PH_EXCEPTIONS_H

/* Whether a list of patterns, joined by ":", has one for a program's base name. "*" stands for any
 * text, "?" for one character. */
int ph_lists(const char *patterns, const char *name);

#endif
