/* How the launcher hands over to our library (native/preload/), and how the library hands over to
 * itself when the process executes another program. All of it is in the environment: LD_PRELOAD
 * names the program's own libraries, then a sanitizer's (elf_file.h), then ours. Before main(), the
 * library reads the variables below and hides them from the program. There are three cases:
 *
 * - PH_FOLLOW_VARIABLE is set: the process was hardened before this exec. The library hardens it
 *   again and removes what was added for this exec. The program itself set the rest.
 * - PH_CHILDREN_VARIABLE is 1: the library hardens the process and removes all loader variables but
 *   LD_PRELOAD. It stays there, with all libraries, and so do the variables below, for children.
 * - Neither: the library hardens the process and removes all of them. */
#ifndef PH_HANDOVER_H
#define PH_HANDOVER_H

#include "../core/text.h"

/* The file name of the library, by which it finds its own entry in LD_PRELOAD. */
#define PH_LIBRARY_NAME "libprocess_hardening.so"
#define PH_FOLLOW_VARIABLE "PROCESS_HARDENING_FOLLOW" /* its value: ph_add_follow() */
#define PH_CHILDREN_VARIABLE "PROCESS_HARDENING_CHILDREN"
/* The variables to keep, and the programs not to harden as children: patterns joined by ":". With
 * PH_FOLLOW_VARIABLE, they have no effect; exceptions need PH_CHILDREN_VARIABLE. */
#define PH_KEEP_VARIABLE "PROCESS_HARDENING_KEEP"
#define PH_EXCEPT_VARIABLE "PROCESS_HARDENING_EXCEPT"
#define PH_LIST_SIZE 4096 /* bytes for such an entry: NAME=, the patterns and a NUL */
/* The name of the bypass variable to use instead of PH_BYPASS_VARIABLE; empty: no bypass. */
#define PH_BYPASS_NAME_VARIABLE "PROCESS_HARDENING_BYPASS"
#define PH_BYPASS_SIZE 128 /* bytes for a name, including its NUL */
/* The path of a program that runs from memory, because /proc/self/exe does not show this path. */
#define PH_PROGRAM_VARIABLE "PROCESS_HARDENING_PROGRAM"
/* For child_env(), not the library: the removed search paths, joined by NUL, in hex. */
#define PH_SET_ASIDE_VARIABLE "PROCESS_HARDENING_SET_ASIDE"

/* Programs that are never hardened as children: they configure a user namespace through their own
 * /proc/PID/uid_map, which belongs to root in a hardened process. docs/harden.md has the reason for
 * each. */
#define PH_EXCEPTIONS "bwrap:unshare"

/* Whether a list of patterns, joined by ":", matches a program's base name. "*" stands for any
 * text, "?" for one character. */
int ph_matches_any(const char *patterns, const char *name);

/* Adds the value of LD_PRELOAD. own -- what the program's own LD_PRELOAD names, or NULL if it has
 * none; sanitizer -- a sanitizer's library, or "" */
static inline void ph_add_libraries(struct ph_text *text, const char *own, const char *sanitizer,
                                    const char *library)
{
    ph_add(text, own ? own : "");
    ph_add(text, own ? ":" : "");
    ph_add(text, sanitizer);
    ph_add(text, *sanitizer ? ":" : "");
    ph_add(text, library);
}

/* Adds the value of PH_FOLLOW_VARIABLE: the length of own, or "-" if own is NULL. */
static inline void ph_add_follow(struct ph_text *text, const char *own)
{
    if (own)
        ph_add_number(text, (unsigned long)ph_length(own));
    else
        ph_add(text, "-");
}

/* Returns where own ends in the value of LD_PRELOAD, or NULL if own was NULL. follow -- the value
 * of PH_FOLLOW_VARIABLE */
static inline char *ph_end_of_own(char *libraries, const char *follow)
{
    size_t left = 0;

    if (*follow == '-')
        return NULL;
    for (; *follow >= '0' && *follow <= '9'; follow++)
        left = left * 10 + (size_t)(*follow - '0');
    for (; left && *libraries; left--)
        libraries++;
    return libraries;
}

#endif
