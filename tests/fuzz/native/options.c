/* The options of `harden`: launch/options.c.
 *
 * Input: the words of a command line, one a line. */
#define _GNU_SOURCE
#include "fuzz.h"

#include "launch/options.c"

#define MOST_WORDS 512
#define SECRET "SECRET" /* what no message may show, if it is the value of NAME=VALUE */

static int complaints, hides_secret;

static void check_complaint(const char *line)
{
    complaints++;
    EXPECT(is_plain_line(line));
    EXPECT(!hides_secret || !strstr(line, SECRET));
}

/* Whether every "SECRET" in the words is the value of a variable. */
static int has_only_values(char *const *words)
{
    int found = 0;

    for (; *words; words++) {
        /* The "=" after the name of an option is not one of NAME=VALUE. */
        const char *equals = strchr(*words, '='), *value = strstr(*words, SECRET);

        if (value && **words == '-' && equals)
            equals = strchr(equals + 1, '=');
        if (value && (!equals || value < equals))
            return 0;
        found |= value != NULL;
    }
    return found;
}

/* Writes options as words, which mean the same. */
static void write_words(const struct ph_options *options, char **words)
{
    static char method[64], bypass[sizeof "--bypass=" + PH_BYPASS_SIZE];

    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        if (choices[i].methods == options->methods && options->automatic == !i)
            (void)snprintf(method, sizeof method, "--method=%s", choices[i].name);
    *words++ = method;
    if (options->bypass) {
        (void)snprintf(bypass, sizeof bypass, "--bypass=%s", options->bypass);
        *words++ = bypass;
    }
    for (int flag = 0; flag < PH_FLAGS; flag++)
        if (options->has[flag])
            *words++ = (char *)(uintptr_t)names[flag];
    for (int list = 0; list < PH_LISTS; list++)
        for (size_t i = 0; i < options->count[list]; i++) {
            const size_t room = strlen(names[LISTS + list]) + strlen(options->names[list][i]) + 2;

            *words = malloc(room);
            (void)snprintf(*words++, room, "%s=%s", names[LISTS + list], options->names[list][i]);
        }
    *words++ = (char *)(uintptr_t) "--";
    *words++ = (char *)(uintptr_t) "program";
    *words = NULL;
}

static void check_options(const struct ph_options *options)
{
    static char *words[MOST_WORDS];
    struct ph_options again = {.help = "help"};

    write_words(options, words);
    EXPECT(ph_parse_options(words, &again) && !complaints);
    EXPECT(again.methods == options->methods && again.automatic == options->automatic);
    EXPECT(!memcmp(again.has, options->has, sizeof again.has));
    EXPECT(!again.bypass == !options->bypass);
    EXPECT(!again.bypass || !strcmp(again.bypass, options->bypass));
    for (int list = 0; list < PH_LISTS; list++) {
        EXPECT(again.count[list] == options->count[list] && again.count[list] <= PH_PATTERNS);
        for (size_t i = 0; i < again.count[list]; i++)
            EXPECT(*again.names[list][i] && !strcmp(again.names[list][i], options->names[list][i]));
        EXPECT(!again.names[list][again.count[list]]);
    }
    for (char **word = words; *word; word++)
        if (strchr(*word, '=') && strncmp(*word, "--method", 8) && strncmp(*word, "--bypass", 8))
            free(*word);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *words[MOST_WORDS + 1];
    struct input input = input_of(data, size);
    struct ph_options options = {.help = "harden --help"};
    size_t count = 0;
    char **rest;

    limit_time();
    while (count < MOST_WORDS && input.at < input.end)
        words[count++] = take_line(&input);
    words[count] = NULL;
    ph_complaint = check_complaint;
    hides_secret = has_only_values(words);
    complaints = 0;

    rest = ph_parse_options(words, &options);
    EXPECT(complaints == !rest);
    if (rest) {
        EXPECT(rest >= words && rest < words + count);
        check_options(&options);
    }
    free_lines(words);
    return 0;
}
