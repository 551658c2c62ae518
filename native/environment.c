/* Finds, removes and wipes variables: in environ, where this process and its
 * children see them, and in the block that the kernel made at exec and shows
 * to others, where unsetenv(3) leaves every byte in place. */
#include "environment.h"
#include "hardening.h"
#include "platform.h"

#include <errno.h>

/* Set once the initial block is known to hold no loader variable of this
 * system: nothing puts variables into it after exec. */
static int block_is_clean;

static size_t length_of(const char *text)
{
    size_t length = 0;

    while (text[length])
        length++;
    return length;
}

/* What comes before the "="; one at the very start belongs to the name. */
static size_t name_length_of(const char *entry)
{
    size_t length = entry[0] ? 1 : 0;

    while (entry[length] && entry[length] != '=')
        length++;
    return length;
}

/* Patterns are explained in hardening.h. */
static int pattern_matches(const char *pattern, const char *entry)
{
    int whole_entry = 0;
    size_t i = 0;

    for (; pattern[i] && (whole_entry || pattern[i] != '*' || pattern[i + 1]); i++) {
        if (pattern[i] != entry[i])
            return 0;
        whole_entry |= i && pattern[i] == '=';
    }
    if (pattern[i])
        return 1;
    return !entry[i] || (entry[i] == '=' && i && !whole_entry);
}

static int any_matches(const char *const *patterns, const char *entry)
{
    for (; *patterns; patterns++)
        if (pattern_matches(*patterns, entry))
            return 1;
    return 0;
}

int ph_environment_matches(const char *entry, const char *const *remove, const char *const *keep)
{
    if (!remove)
        remove = ph_platform_loader_variables;
    return any_matches(remove, entry) && !(keep && any_matches(keep, entry));
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

int ph_environment_visit(const char *const *remove, const char *const *keep,
                         const struct ph_visitor *visitor)
{
    for (char **at = *ph_platform_environ(); at && *at; at++)
        if (ph_environment_matches(*at, remove, keep) &&
            visitor->visit(visitor->context, *at, name_length_of(*at)))
            return -1;
    return 0;
}

/* Tells the visitor and libc of every match in environ. Returns how many, or -1 with error set. */
static long announce_matches(const struct ph_policy *policy, const struct ph_visitor *removed,
                             int *error)
{
    long count = 0;
    size_t i = 0;

    while (*ph_platform_environ() && (*ph_platform_environ())[i]) {
        const char *entry = (*ph_platform_environ())[i++];
        size_t name_length;

        if (!ph_environment_matches(entry, policy->remove, policy->keep))
            continue;
        count++;
        name_length = name_length_of(entry);
        if (removed && removed->visit(removed->context, entry, name_length)) {
            *error = ENOMEM;
            return -1;
        }
        *error = ph_platform_forget_variable(entry, name_length);
        if (*error)
            return -1;
        /* A libc that removed it has also moved the others. */
        if ((*ph_platform_environ())[i - 1] != entry)
            i = 0;
    }
    return count;
}

/* Not unsetenv(3): a preloaded library could have put its own in place. */
static void unlink_matches(const struct ph_policy *policy)
{
    char **from = *ph_platform_environ();
    char **to = from;

    for (; *from; from++)
        if (!ph_environment_matches(*from, policy->remove, policy->keep))
            *to++ = *from;
    *to = NULL;
}

#define STRIDE 32
/* The first string at or after text that is not empty, or NULL. What follows
 * the last NUL is no string: a program may have written its title over it. */
static char *string_in(char *text, const struct ph_span *span)
{
    char *end = span->end;

    while (end > span->start && end[-1])
        end--;
    /* The kernel leaves up to 8 KiB of zeroes before the arguments: pass them in strides. */
    for (int any = 0; end - text >= STRIDE; text += STRIDE) {
        for (int i = 0; i < STRIDE; i++)
            any |= text[i];
        if (any)
            break;
    }
    while (text < end && !*text)
        text++;
    return text < end ? text : NULL;
}

/* Counts the strings that match, and zeroes them when asked to. */
static long matches_in(const struct ph_span *span, const char *const *remove,
                       const char *const *keep, int wipe)
{
    long count = 0;
    char *next;

    for (char *text = string_in(span->start, span); text; text = string_in(next, span)) {
        next = text + length_of(text) + 1;
        if (!ph_environment_matches(text, remove, keep))
            continue;
        count++;
        /* volatile: nothing reads the bytes again, so a compiler could leave this out. */
        for (volatile char *byte = text; wipe && byte < next; byte++)
            *byte = '\0';
    }
    return count;
}

/* Wipes the matches in the initial block. Returns how many there were, or -1
 * with failure filled in. */
static long wipe_block(const struct ph_policy *policy, struct ph_failure *failure)
{
    struct ph_span span;
    long wiped;

    if (!policy->remove && block_is_clean)
        return 0;
    if (!ph_platform_start_strings(&span) && !matches_in(&span, policy->remove, NULL, 0)) {
        block_is_clean = block_is_clean || !policy->remove;
        return 0;
    }
    if (ph_platform_environment_block(&span, failure))
        return -1;
    wiped = matches_in(&span, policy->remove, policy->keep, 1);
    block_is_clean = !matches_in(&span, NULL, NULL, 0);
    return wiped;
}

enum ph_outcome ph_environment_clean(const struct ph_policy *policy,
                                     const struct ph_visitor *removed, struct ph_failure *failure)
{
    static const char call[] = "removing variables from the environment";
    long unlinked, wiped, left = 0;
    int error = 0;

    if (!policy->remove && !*ph_platform_loader_variables)
        return PH_UNSUPPORTED;
    unlinked = announce_matches(policy, removed, &error);
    if (unlinked < 0)
        return ph_fail(failure, PH_ENVIRONMENT, PH_EXIT_ENVIRONMENT, call, error);
    if (unlinked)
        unlink_matches(policy);
    wiped = wipe_block(policy, failure);
    if (wiped < 0)
        return PH_FAILED;
    for (char **at = *ph_platform_environ(); unlinked && *at; at++)
        left += ph_environment_matches(*at, policy->remove, policy->keep);
    if (left)
        return ph_fail_read_back(failure, PH_ENVIRONMENT, PH_EXIT_ENVIRONMENT, call, left);
    return unlinked || wiped ? PH_APPLIED : PH_ALREADY;
}

int ph_environment_initial(const struct ph_visitor *visitor, struct ph_failure *failure)
{
    struct ph_span span;

    if (ph_platform_environment_block(&span, failure))
        return -1;
    failure->call = NULL;
    for (char *text = string_in(span.start, &span); text;
         text = string_in(text + length_of(text) + 1, &span))
        if (visitor->visit(visitor->context, text, name_length_of(text)))
            return -1;
    return 0;
}
