/* Patterns of variables (hardening.h), parsed. */
#ifndef PH_PATTERN_H
#define PH_PATTERN_H

#include <stddef.h>
#include <stdint.h>

struct ph_pattern {
    enum {
        PH_NAME,        /* NAME: the entry with this name */
        PH_NAME_PREFIX, /* PREFIX*: entries whose name starts with PREFIX */
        PH_ENTRY        /* NAME=VALUE: exactly this entry */
    } kind;
    const char *text; /* not NUL-terminated: length bytes */
    size_t length;
};

/* The core does not allocate memory: if a list is longer than this, the patterns after the first 32
 * are parsed again for each entry. */
#define PH_MAX_PARSED 32
struct ph_patterns {
    struct ph_pattern parsed[PH_MAX_PARSED];
    size_t count;
    const char *const *rest; /* not parsed, NULL-terminated */
    uint32_t first_bytes;    /* PH_FIRST_BYTE() of every entry that can match */
};
/* Most variables need no comparison, because their first byte is not in first_bytes. */
#define PH_FIRST_BYTE(entry) (1u << (*(entry)&31))

/* The variables that match remove but not keep. */
struct ph_selection {
    struct ph_patterns remove;
    struct ph_patterns keep;
};

/* Parses both lists, which must outlive the selection. NULL means the same as in
 * struct ph_policy. */
void ph_select(struct ph_selection *selection, const char *const *remove, const char *const *keep);

/* Whether an entry "NAME=VALUE", or a bare "NAME", is in the selection. */
int ph_is_selected(const struct ph_selection *selection, const char *entry);

/* The length of an entry's name. A "=" at the start of the entry is part of the name. */
size_t ph_name_length(const char *entry);

#endif
