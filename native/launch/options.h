/* The options of `harden` and `process-hardening run`, and how they are parsed. */
#ifndef PH_OPTIONS_H
#define PH_OPTIONS_H

#include <stddef.h>

#define PH_PATTERNS 64 /* how often an option may be repeated */

enum ph_flag { PH_CHILDREN, PH_STRICT, PH_SEALED, PH_CONFINED, PH_EXPLAIN, PH_NO_BYPASS, PH_FLAGS };
enum ph_list { PH_KEEP, PH_CLEAR, PH_EXCEPT, PH_LISTS };

/* in the order in which they are tried */
enum ph_method {
    PH_STAND_IN_BY_NAME,
    PH_STAND_IN_IN_MEMORY,
    PH_COPY_BY_NAME,
    PH_COPY_IN_MEMORY,
    PH_PRELOAD,
    PH_UNREADABLE_FILE,
    PH_METHODS
};
#define PH_STAND_INS (PH_BIT(PH_STAND_IN_BY_NAME) | PH_BIT(PH_STAND_IN_IN_MEMORY))
#define PH_IN_MEMORY (PH_BIT(PH_STAND_IN_IN_MEMORY) | PH_BIT(PH_COPY_IN_MEMORY))
#define PH_COPIES (PH_BIT(PH_COPY_BY_NAME) | PH_BIT(PH_COPY_IN_MEMORY))

struct ph_options {
    const char *help; /* the command that explains the options */
    unsigned methods; /* a set of PH_BIT(method) */
    int automatic;    /* --method auto */
    const char *bypass; /* --bypass NAME, or NULL */
    int has[PH_FLAGS];
    const char *names[PH_LISTS][PH_PATTERNS + 1]; /* NULL-terminated */
    size_t count[PH_LISTS];
};

/* Parses the words before the program into *options; options->help must already be set. Returns the
 * program and its arguments, or NULL after ph_complain(). */
char **ph_parse_options(char **words, struct ph_options *options);

/* Returns usage if the first of --help, -h and --version among the options is --help or -h, version
 * if it is --version, or NULL if there is none of them. */
const char *ph_find_answer(char **words, const char *usage, const char *version);

/* Complains about an unknown option and suggests the most similar one. options -- a NULL-terminated
 * list of names of at most 24 letters; help -- the command that explains them. Returns
 * PH_EXIT_USAGE. */
int ph_refuse_option(const char *word, const char *const *options, const char *help);

#endif
