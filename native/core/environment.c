/* Matches variables against patterns, and removes them from environ. initial_block.c
 * wipes them in the initial environment, where unsetenv(3) leaves their bytes. */
#include "environment.h"
#include "hardening.h"
#include "platform.h"

#include <errno.h>

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

static int any_matches(const struct ph_patterns *patterns, const char *entry)
{
    if (!(patterns->first_bytes & PH_FIRST_BYTE(entry)))
        return 0;
    for (size_t i = 0; i < patterns->count; i++)
        if (matches(&patterns->parsed[i], entry))
            return 1;
    for (const char *const *text = patterns->rest; *text; text++) {
        const struct ph_pattern pattern = parse(*text);

        if (matches(&pattern, entry))
            return 1;
    }
    return 0;
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
    struct ph_selection selection;

    ph_select(&selection, remove, keep);
    return ph_is_selected(&selection, entry);
}

int ph_environment_is_one(const char *name)
{
    for (char **at = *ph_platform_environ(); at && *at; at++) {
        size_t i = 0;

        while (name[i] && (*at)[i] == name[i])
            i++;
        if (!name[i] && (*at)[i] == '=' && (*at)[i + 1] == '1' && !(*at)[i + 2])
            return 1;
    }
    return 0;
}

void ph_environment_adopt(char **entries)
{
    if (!*ph_platform_environ())
        *ph_platform_environ() = entries;
}

int ph_environment_visit(const char *const *remove, const char *const *keep,
                         const struct ph_visitor *visitor)
{
    struct ph_selection selection;

    ph_select(&selection, remove, keep);
    for (char **at = *ph_platform_environ(); at && *at; at++)
        if (ph_is_selected(&selection, *at) &&
            visitor->visit(visitor->context, *at, ph_name_length(*at)))
            return -1;
    return 0;
}

/* Calls the visitor and libc for each selected variable. Returns their number, or -1 and sets
 * error. */
static long announce_removal(const struct ph_selection *selection, const struct ph_visitor *removed,
                             int *error)
{
    char **all = *ph_platform_environ();
    long count = 0;
    size_t i = 0;

    while (all && all[i]) {
        const char *entry = all[i++];
        size_t name_length;

        if (!ph_is_selected(selection, entry))
            continue;
        count++;
        name_length = ph_name_length(entry);
        if (removed && removed->visit(removed->context, entry, name_length)) {
            *error = ENOMEM;
            return -1;
        }
        *error = ph_platform_forget_variable(entry, name_length);
        if (*error)
            return -1;
        /* If libc has removed the variable, it has also moved the others. */
        all = *ph_platform_environ();
        if (all[i - 1] != entry)
            i = 0;
    }
    return count;
}

/* Does not call unsetenv(3), which a preloaded library can replace. */
static void remove_selected(const struct ph_selection *selection)
{
    char **from = *ph_platform_environ();
    char **to = from;

    for (; *from; from++)
        if (!ph_is_selected(selection, *from))
            *to++ = *from;
    *to = NULL;
}

static long count_selected(const struct ph_selection *selection)
{
    long count = 0;

    for (char **at = *ph_platform_environ(); *at; at++)
        count += ph_is_selected(selection, *at);
    return count;
}

enum ph_outcome ph_environment_clean(const struct ph_policy *policy,
                                     const struct ph_visitor *removed, struct ph_failure *failure)
{
    static const char call[] = "removing variables from the environment";
    struct ph_selection selection;
    long count, wiped, left = 0;
    int error = 0;

    if (!policy->remove && !*ph_platform_loader_variables)
        return PH_UNSUPPORTED;
    ph_select(&selection, policy->remove, policy->keep);
    count = announce_removal(&selection, removed, &error);
    if (count < 0)
        return ph_fail(failure, PH_ENVIRONMENT, call, error);
    if (count)
        remove_selected(&selection);
    wiped = ph_wipe_initial(policy, &selection, count > 0, failure);
    if (wiped < 0)
        return PH_FAILED;
    if (count)
        left = count_selected(&selection);
    if (left)
        return ph_fail_read_back(failure, PH_ENVIRONMENT, call, left);
    return count || wiped ? PH_APPLIED : PH_ALREADY;
}
