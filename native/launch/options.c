/* Parses the options of `harden` and `process-hardening run`; suggests the option that was meant.
 */
#define _GNU_SOURCE
#include "options.h"

#include "../core/hardening.h"
#include "../core/text.h"
#include "../exec/handover.h"
#include "program.h"

#define LONGEST_OPTION 24

/* The names of the options: first the flags, then the lists, then the others. */
enum { LISTS = PH_FLAGS, METHOD = LISTS + PH_LISTS, BYPASS, OPTIONS };
enum { HELP = OPTIONS, VERSION, NAMES }; /* handled by the command itself */
static const char *const names[NAMES + 1] = {
    [PH_CHILDREN] = "--children",
    [PH_STRICT] = "--strict",
    [PH_SEALED] = "--seal",
    [PH_CONFINED] = "--confine",
    [PH_EXPLAIN] = "--explain",
    [PH_NO_BYPASS] = "--no-bypass",
    [LISTS + PH_KEEP] = "--keep",
    [LISTS + PH_CLEAR] = "--clear",
    [LISTS + PH_EXCEPT] = "--except",
    [METHOD] = "--method",
    [BYPASS] = "--bypass",
    [HELP] = "--help",
    [VERSION] = "--version",
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

/* Returns the length of the longest common subsequence of a word and an option. */
static size_t count_common(const char *word, size_t length, const char *option)
{
    size_t row[LONGEST_OPTION + 1] = {0}; /* row[n] is for the first n letters of the option */

    for (const char *end = word + length; word < end; word++)
        for (size_t i = 1, before = 0, above; option[i - 1]; i++, before = above) {
            above = row[i];
            if (*word == option[i - 1])
                row[i] = before + 1;
            else if (row[i - 1] > above)
                row[i] = row[i - 1];
        }
    return row[ph_length(option)];
}

/* Complains about a word. nearest -- the option that was probably meant, or NULL. Returns
 * PH_EXIT_USAGE. */
static int complain(const char *word, const char *problem, const char *nearest, const char *help)
{
    char what[256];
    struct ph_text text = PH_TEXT(what);

    ph_add(&text, problem);
    ph_add(&text, nearest ? " (did you mean " : "");
    ph_add(&text, nearest ? nearest : "");
    ph_add(&text, nearest ? "?)" : "");
    ph_add(&text, "; see `");
    ph_add(&text, help);
    ph_add(&text, "`");
    return ph_complain(PH_EXIT_USAGE, word, what);
}

int ph_refuse_option(const char *word, const char *const *options, const char *help)
{
    const char *nearest = NULL;
    size_t length = 0;
    size_t best = 599, of = 2000; /* 2 * best / of is just below 0.6, difflib's cutoff */

    while (word[length] && word[length] != '=' && length < 2 * LONGEST_OPTION)
        length++;
    for (; *options; options++) {
        const size_t common = count_common(word, length, *options);
        const size_t letters = length + ph_length(*options);

        if (common * of > best * letters) { /* no division: 32-bit arm has none without libgcc */
            best = common;
            of = letters;
            nearest = *options;
        }
    }
    return complain(word, "unknown option", nearest, help);
}

/* Complains about a word. Returns 0, for failure. */
static int refuse(const struct ph_options *options, const char *word, const char *problem)
{
    (void)complain(word, problem, NULL, options->help);
    return 0;
}

static int is_pattern(const char *text)
{
    while (*text && *text != '=' && !(*text == '*' && text[1]))
        text++;
    return !*text;
}

/* Whether text can be the base name of a program, with the wildcards "*" and "?". It must not
 * contain ":", which ends a pattern (ph_matches_any()). */
static int is_program_pattern(const char *text)
{
    while (*text && *text != '/' && *text != ':')
        text++;
    return !*text;
}

static int name_bypass(struct ph_options *options, const char *name)
{
    const size_t length = ph_length(name);

    if (!is_pattern(name) || name[length - 1] == '*')
        return refuse(options, name, "not a variable name: write NAME");
    if (length >= PH_BYPASS_SIZE)
        return refuse(options, names[BYPASS], "name too long");
    options->bypass = name;
    return 1;
}

static int add_name(struct ph_options *options, enum ph_list list, const char *name)
{
    if (list == PH_EXCEPT && !is_program_pattern(name))
        return refuse(options, name, "not a program name: write it without a path");
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

/* Returns the option that a word names, or OPTIONS. rest -- gets what follows its name */
static int find_option(const char *word, const char **rest)
{
    int option = 0;

    while (option < OPTIONS &&
           (!(*rest = ph_after(word, names[option])) || (**rest && **rest != '=')))
        option++;
    return option;
}

/* Whether the value of the option in words[0] is in words[1]. rest -- what follows its name */
static int is_value_next(int option, const char *rest, char **words)
{
    return option >= LISTS && option < OPTIONS && !*rest && words[1] && *words[1] != '-';
}

const char *ph_find_answer(char **words, const char *usage, const char *version)
{
    for (; *words && **words == '-' && !ph_equal(*words, "--"); words++) {
        const char *rest;
        const int option = find_option(*words, &rest);

        if (ph_equal(*words, names[HELP]) || ph_equal(*words, "-h"))
            return usage;
        if (ph_equal(*words, names[VERSION]))
            return version;
        words += is_value_next(option, rest, words);
    }
    return NULL;
}

/* Parses the option in words[0], whose value may be in words[1]. Returns how many words it
 * consumed, or 0 after ph_complain(). */
static int parse_option(struct ph_options *options, char **words)
{
    const char *rest, *value;
    const int option = find_option(*words, &rest);
    int took = 1;

    if (option == OPTIONS) {
        (void)ph_refuse_option(*words, names, options->help);
        return 0;
    }
    if (option < LISTS) {
        options->has[option] = 1;
        return *rest ? refuse(options, names[option], "takes no value") : took;
    }
    value = *rest ? rest + 1 : "";
    if (is_value_next(option, rest, words))
        value = words[took++];
    if (!*value)
        return refuse(options, names[option], option == METHOD ? "needs a METHOD" : "needs a NAME");
    if (option == METHOD)
        return choose_method(options, value) ? took : 0;
    if (option == BYPASS)
        return name_bypass(options, value) ? took : 0;
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
        (void)refuse(options, names[LISTS + PH_EXCEPT], "requires --children");
    else if (*words)
        return words;
    else
        (void)refuse(options, "PROGRAM", "no program given");
    return NULL;
}
