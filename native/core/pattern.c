/* Matches variables against patterns. */
#include "pattern.h"
#include "hardening.h"
#include "platform.h"

size_t ph_name_length(const char *entry)
{
    size_t length = entry[0] ? 1 : 0;

    while (entry[length] && entry[length] != '=')
        length++;
    return length;
}

static struct ph_pattern parse(const char *text)
{
    struct ph_pattern pattern = {PH_NAME, text, ph_name_length(text)};

    if (text[pattern.length] == '=') {
        pattern.kind = PH_ENTRY;
        while (text[pattern.length])
            pattern.length++;
    } else if (pattern.length && text[pattern.length - 1] == '*') {
        pattern.kind = PH_NAME_PREFIX;
        pattern.length--;
    }
    return pattern;
}

static int matches(const struct ph_pattern *pattern, const char *entry)
{
    size_t length = pattern->length;

    for (size_t i = 0; i < length; i++)
        if (pattern->text[i] != entry[i])
            return 0;
    switch (pattern->kind) {
    case PH_NAME:
        return !entry[length] || (length && entry[length] == '=');
    case PH_NAME_PREFIX:
        return 1;
    case PH_ENTRY:
        return !entry[length];
    }
    return 0;
}

static void parse_list(struct ph_patterns *patterns, const char *const *list)
{
    patterns->count = 0;
    patterns->first_bytes = 0;
    for (; *list && patterns->count < PH_MAX_PARSED; list++) {
        const struct ph_pattern pattern = parse(*list);
        int any_byte = pattern.kind == PH_NAME_PREFIX && !pattern.length;

        patterns->parsed[patterns->count++] = pattern;
        patterns->first_bytes |= any_byte ? UINT32_MAX : PH_FIRST_BYTE(pattern.text);
    }
    patterns->rest = list;
    if (*list)
        patterns->first_bytes = UINT32_MAX;
}

/* Parses only the patterns that can match: those whose first byte is "*" or that of entry. */
static int any_in_list_matches(const char *const *list, const char *entry)
{
    for (; *list; list++)
        if (**list == *entry || **list == '*') {
            const struct ph_pattern pattern = parse(*list);

            if (matches(&pattern, entry))
                return 1;
        }
    return 0;
}

static int any_matches(const struct ph_patterns *patterns, const char *entry)
{
    if (!(patterns->first_bytes & PH_FIRST_BYTE(entry)))
        return 0;
    for (size_t i = 0; i < patterns->count; i++)
        if (matches(&patterns->parsed[i], entry))
            return 1;
    return any_in_list_matches(patterns->rest, entry);
}

void ph_select(struct ph_selection *selection, const char *const *remove, const char *const *keep)
{
    static const char *const none[] = {NULL};

    parse_list(&selection->remove, remove ? remove : ph_platform_loader_variables);
    parse_list(&selection->keep, keep ? keep : none);
}

int ph_is_selected(const struct ph_selection *selection, const char *entry)
{
    return any_matches(&selection->remove, entry) && !any_matches(&selection->keep, entry);
}

int ph_environment_matches(const char *entry, const char *const *remove, const char *const *keep)
{
    return any_in_list_matches(remove ? remove : ph_platform_loader_variables, entry) &&
           !(keep && any_in_list_matches(keep, entry));
}
