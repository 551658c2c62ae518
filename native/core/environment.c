/* Removes variables from environ. initial_block.c wipes them in the initial environment,
 * where unsetenv(3) leaves their bytes. */
#include "environment.h"
#include "hardening.h"
#include "initial_block.h"
#include "pattern.h"
#include "platform.h"

#include <errno.h>

/* Returns the value in an entry, "" if it has no "=", or NULL if it has another name. A "*" at the
 * end of the name has no meaning here. */
static const char *value_of(const char *entry, const char *name)
{
    for (; *name && *entry == *name; entry++)
        name++;
    if (*name)
        return NULL;
    return *entry == '=' ? entry + 1 : *entry ? NULL : entry;
}

int ph_environment_is_one(const char *name)
{
    for (char **at = *ph_platform_environ(); at && *at; at++) {
        const char *value = value_of(*at, name);

        if (value && value[0] == '1' && !value[1])
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

const char *ph_environment_value(const char *name)
{
    const char *value = NULL;

    for (char **at = *ph_platform_environ(); !value && at && *at; at++)
        value = value_of(*at, name);
    return value;
}

/* Calls the visitor for each selected variable and makes libc forget it. Returns the number of
 * these variables, or -1 and sets error. */
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
        *error = removed ? removed->visit(removed->context, entry, name_length) : 0;
        if (!*error)
            *error = ph_platform_forget_variable(entry, name_length);
        if (*error)
            return -1;
        /* If libc removed the variable, it also moved the other pointers. */
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
    for (char **at = *ph_platform_environ(); count && *at; at++)
        left += ph_is_selected(&selection, *at);
    if (left)
        return ph_fail_read_back(failure, PH_ENVIRONMENT, call, left);
    return count || wiped ? PH_APPLIED : PH_ALREADY;
}
