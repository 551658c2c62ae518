/* Matches the name of a program against patterns. */
#include "handover.h"

static int is_end(char c)
{
    return !c || c == ':';
}

/* Whether a pattern, which ends at ":" or NUL, matches a name. After a mismatch, only the last "*"
 * is tried with more text. That is sufficient, and trying it with every "*" would take exponential
 * time. */
static int matches(const char *pattern, const char *name)
{
    const char *after_star = NULL, *begin = name; /* where the text after the last "*" may begin */

    for (;;) {
        if (*pattern == '*') {
            after_star = ++pattern;
            begin = name;
        } else if (*name && !is_end(*pattern) && (*pattern == '?' || *pattern == *name)) {
            pattern++;
            name++;
        } else if (!*name && is_end(*pattern)) {
            return 1;
        } else if (after_star && *begin) {
            pattern = after_star;
            name = ++begin;
        } else {
            return 0;
        }
    }
}

int ph_matches_any(const char *patterns, const char *name)
{
    for (;; patterns++) {
        if (matches(patterns, name))
            return 1;
        while (!is_end(*patterns))
            patterns++;
        if (!*patterns)
            return 0;
    }
}
