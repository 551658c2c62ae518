/* Matches the name of a program against patterns. */
#include "exceptions.h"

/* Whether the pattern, up to ":" or its end, matches the rest of a name. */
static int matches(const char *pattern, const char *name)
{
    for (; *pattern && *pattern != ':'; pattern++, name++) {
        if (*pattern == '*') {
            do
                if (matches(pattern + 1, name))
                    return 1;
            while (*name++);
            return 0;
        }
        if (!*name || (*pattern != '?' && *pattern != *name))
            return 0;
    }
    return !*name;
}

int ph_lists(const char *patterns, const char *name)
{
    for (;; patterns++) {
        if (matches(patterns, name))
            return 1;
        while (*patterns && *patterns != ':')
            patterns++;
        if (!*patterns)
            return 0;
    }
}
