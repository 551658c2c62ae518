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
        /* The first character nearly always decides: this is done for every variable. */
        if ((**patterns == *entry || **patterns == '*') && pattern_matches(*patterns, entry))
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

void ph_environment_adopt(char **entries)
{
    if (!*ph_platform_environ())
        *ph_platform_environ() = entries;
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
    char **all = *ph_platform_environ();
    long count = 0;
    size_t i = 0;

    while (all && all[i]) {
        const char *entry = all[i++];
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
        all = *ph_platform_environ();
        if (all[i - 1] != entry)
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

/* Where the last string ends. What follows the last NUL is no string: a
 * program may have written its title over it. */
static char *end_of(const struct ph_span *span)
{
    char *end = span->end;

    while (end > span->start && end[-1])
        end--;
    return end;
}

/* What all of these patterns begin with, or NUL where they differ. */
static char first_of(const char *const *patterns)
{
    char first = *patterns ? **patterns : '\0';

    for (; *patterns; patterns++)
        if (**patterns != first || first == '*')
            return '\0';
    return first;
}

#define STRIDE 32
/* The next string after the character at text that is not empty; one that begins with first,
 * unless that is NUL. Every byte of the block comes by here, and up to 8 KiB of zeroes before
 * it: compilers make vector instructions of the inner loop. */
static char *next_in(char *text, const char *end, char first)
{
    for (text++; first && end - text >= STRIDE; text += STRIDE) {
        unsigned char any = 0;

        for (int i = 0; i < STRIDE; i++)
            any |= (unsigned char)((text[i] == first) & !text[i - 1]);
        if (any)
            break;
    }
    while (text < end && (text[-1] || !*text || (first && *text != first)))
        text++;
    return text;
}

/* Counts the strings that match, and zeroes them when asked to. */
static long matches_in(const struct ph_span *span, const char *const *remove,
                       const char *const *keep, int wipe)
{
    char first = first_of(remove ? remove : ph_platform_loader_variables);
    char *end = end_of(span);
    long count = 0;

    for (char *text = span->start; text < end; text = next_in(text, end, first)) {
        if (!*text || !ph_environment_matches(text, remove, keep))
            continue;
        count++;
        /* volatile: nothing reads the bytes again, so a compiler could leave this out. */
        for (volatile char *byte = text; wipe && *byte; byte++)
            *byte = '\0';
    }
    return count;
}

/* Wipes the matches in the initial block. Returns how many there were, or -1
 * with failure filled in.
 * live -- whether one was in environ: then the quick look, which finds none, is of no use */
static long wipe_block(const struct ph_policy *policy, int live, struct ph_failure *failure)
{
    struct ph_span span;
    long wiped;

    if (!policy->remove && block_is_clean)
        return 0;
    if (!live && !ph_platform_start_strings(&span) && !matches_in(&span, policy->remove, NULL, 0)) {
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
    wiped = wipe_block(policy, unlinked > 0, failure);
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
    for (char *text = span.start, *end = end_of(&span); text < end; text = next_in(text, end, 0))
        if (*text && visitor->visit(visitor->context, text, name_length_of(text)))
            return -1;
    return 0;
}
