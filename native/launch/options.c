/* Parses the options of `harden` and `process-hardening run`. */
#define _GNU_SOURCE
#include "options.h"

#include "../core/hardening.h"
#include "../core/text.h"
#include "program.h"

/* The flags, the lists, and what comes after them. */
enum { LISTS = PH_FLAGS, METHOD = LISTS + PH_LISTS, OPTIONS };
static const char *const names[OPTIONS] = {
    [PH_CHILDREN] = "--children",
    [PH_STRICT] = "--strict",
    [PH_SEALED] = "--seal",
    [PH_CONFINED] = "--confine",
    [PH_EXPLAIN] = "--explain",
    [LISTS + PH_KEEP] = "--keep",
    [LISTS + PH_CLEAR] = "--clear",
    [LISTS + PH_EXCEPT] = "--except",
    [METHOD] = "--method",
};

static const struct {
    const char *name;
    unsigned methods;
} choices[] = {
    {"auto", PH_STAND_INS | PH_BIT(PH_PRELOAD)},
    {"execute-only", PH_STAND_INS},
    {"copy", PH_COPIES},
    {"preload", PH_BIT(PH_PRELOAD)},
};

/* Returns 0, as what did not take a word does. */
static int refuse(const struct ph_options *options, const char *word, const char *problem)
{
    char what[256];
    struct ph_text text = PH_TEXT(what);

    ph_add(&text, problem);
    ph_add(&text, "; see `");
    ph_add(&text, options->help);
    ph_add(&text, "`");
    (void)ph_complain(PH_EXIT_USAGE, word, what);
    return 0;
}

static int is_pattern(const char *text)
{
    while (*text && *text != '=' && !(*text == '*' && text[1]))
        text++;
    return !*text;
}

/* A program's base name, with "*" and "?" for what may differ. ":" would end it (ph_matches_any()). */
static int is_program_pattern(const char *text)
{
    while (*text && *text != '/' && *text != ':')
        text++;
    return !*text;
}

static int add_name(struct ph_options *options, enum ph_list list, const char *name)
{
    if (list == PH_EXCEPT && !is_program_pattern(name))
        return refuse(options, name, "not the name of a program: write it without its path");
    if (list != PH_EXCEPT && !is_pattern(name))
        return refuse(options, name, "not a variable name: write NAME or PREFIX*");
    if (options->count[list] == PH_PATTERNS)
        return refuse(options, names[LISTS + list], "too many names");
    options->names[list][options->count[list]++] = name;
    return 1;
}

static int choose_method(struct ph_options *options, const char *name)
{
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        if (ph_equal(name, choices[i].name)) {
            options->methods = choices[i].methods;
            options->automatic = !i;
            return 1;
        }
    return refuse(options, name, "not a method: choose from auto, execute-only, copy and preload");
}

/* Parses the option in words[0], whose value may be in words[1]. Returns how many words it took, or
 * 0 after ph_complain(). */
static int parse_option(struct ph_options *options, char **words)
{
    const char *rest = NULL, *value;
    int option = 0, took = 1;

    for (; option < OPTIONS; option++)
        if ((rest = ph_after(*words, names[option])) && (!*rest || *rest == '='))
            break;
    if (option == OPTIONS)
        return refuse(options, *words, "unknown option");
    if (option < LISTS) {
        options->has[option] = 1;
        return *rest ? refuse(options, names[option], "takes no value") : took;
    }
    value = *rest ? rest + 1 : "";
    if (!*rest && words[1] && *words[1] != '-')
        value = words[took++];
    if (!*value)
        return refuse(options, names[option], option == METHOD ? "needs a METHOD" : "needs a NAME");
    if (option == METHOD)
        return choose_method(options, value) ? took : 0;
    return add_name(options, (enum ph_list)(option - LISTS), value) ? took : 0;
}

char **ph_parse_options(char **words, struct ph_options *options)
{
    (void)choose_method(options, choices[0].name);
    while (*words && **words == '-' && !ph_equal(*words, "--")) {
        const int took = parse_option(options, words);

        if (!took)
            return NULL;
        words += took;
    }
    words += *words && **words == '-';
    if (options->count[PH_EXCEPT] && !options->has[PH_CHILDREN])
        (void)refuse(options, names[LISTS + PH_EXCEPT],
                     "only with --children: others are not hardened");
    else if (*words)
        return words;
    else
        (void)refuse(options, "PROGRAM", "name a program");
    return NULL;
}
