/* Parses the options of `harden` and `process-hardening run`. */
#define _GNU_SOURCE
#include "options.h"

#include "../core/hardening.h"
#include "../core/text.h"
#include "program.h"

static const char *const flags[PH_FLAGS] = {
    [PH_CHILDREN] = "--children",
    [PH_STRICT] = "--strict",
    [PH_SEALED] = "--seal",
    [PH_CONFINED] = "--confine",
    [PH_EXPLAIN] = "--explain",
};
static const char *const lists[PH_LISTS] = {
    [PH_KEEP] = "--keep",
    [PH_CLEAR] = "--clear",
    [PH_EXCEPT] = "--except",
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

/* Where parsing has got to. */
struct parser {
    char **words;
    const char *help;
    struct ph_options *options;
};

static int refuse(const struct parser *parser, const char *word, const char *problem)
{
    char what[256];
    struct ph_text text = PH_TEXT(what);

    ph_add(&text, problem);
    ph_add(&text, "; see `");
    ph_add(&text, parser->help);
    ph_add(&text, "`");
    return ph_complain(PH_EXIT_USAGE, word, what);
}

/* What follows the name of an option in a word: "" or "=VALUE". NULL: it is another option. */
static const char *after_name(const char *word, const char *name)
{
    const char *rest = ph_after(word, name);

    return rest && (!*rest || *rest == '=') ? rest : NULL;
}

/* The value in the word or in the next one; "" if there is none. */
static const char *take_value(struct parser *parser, const char *rest)
{
    if (*rest)
        return rest + 1;
    if (!parser->words[1] || *parser->words[1] == '-')
        return "";
    return *++parser->words;
}

static int is_pattern(const char *text)
{
    while (*text && *text != '=' && !(*text == '*' && text[1]))
        text++;
    return !*text;
}

/* A program's base name, with "*" and "?" for what may differ. ":" would end it (ph_lists()). */
static int is_program_pattern(const char *text)
{
    while (*text && *text != '/' && *text != ':')
        text++;
    return !*text;
}

static int add_name(struct parser *parser, enum ph_list list, const char *rest)
{
    struct ph_options *options = parser->options;
    const char *name = take_value(parser, rest);

    if (!*name)
        return refuse(parser, lists[list], "needs a NAME");
    if (list == PH_EXCEPT && !is_program_pattern(name))
        return refuse(parser, name, "not the name of a program: write it without its path");
    if (list != PH_EXCEPT && !is_pattern(name))
        return refuse(parser, name, "not a variable name: write NAME or PREFIX*");
    if (options->count[list] == PH_PATTERNS)
        return refuse(parser, lists[list], "too many names");
    options->names[list][options->count[list]++] = name;
    return 0;
}

static int parse_method(struct parser *parser, const char *rest)
{
    const char *value = take_value(parser, rest);

    if (!*value)
        return refuse(parser, "--method", "needs a METHOD");
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        if (ph_equal(value, choices[i].name)) {
            parser->options->methods = choices[i].methods;
            parser->options->automatic = !i;
            return 0;
        }
    return refuse(parser, value, "not a method: choose from auto, execute-only, copy and preload");
}

static int parse_option(struct parser *parser)
{
    const char *word = *parser->words, *rest;

    for (int flag = 0; flag < PH_FLAGS; flag++)
        if ((rest = after_name(word, flags[flag]))) {
            parser->options->has[flag] = 1;
            return *rest ? refuse(parser, flags[flag], "takes no value") : 0;
        }
    for (int list = 0; list < PH_LISTS; list++)
        if ((rest = after_name(word, lists[list])))
            return add_name(parser, (enum ph_list)list, rest);
    if ((rest = after_name(word, "--method")))
        return parse_method(parser, rest);
    return refuse(parser, word, "unknown option");
}

char **ph_parse_options(char **words, const char *help, struct ph_options *options)
{
    struct parser parser = {words, help, options};

    options->methods = choices[0].methods;
    options->automatic = 1;
    for (; *parser.words && **parser.words == '-'; parser.words++) {
        if (ph_equal(*parser.words, "--")) {
            parser.words++;
            break;
        }
        if (parse_option(&parser))
            return NULL;
    }
    if (options->count[PH_EXCEPT] && !options->has[PH_CHILDREN]) {
        (void)refuse(&parser, lists[PH_EXCEPT], "only with --children: others are not hardened");
        return NULL;
    }
    if (*parser.words)
        return parser.words;
    (void)refuse(&parser, "PROGRAM", "name a program");
    return NULL;
}
