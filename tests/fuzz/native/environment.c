/* Wiping the environment: core/environment.c, pattern.c and initial_block.c on a block of our own.
 *
 * Input: a line of flags, the patterns to remove, an empty line, those to keep, an empty line; the
 * rest is the block, with line ends for its NULs. */
#define _GNU_SOURCE
#include "fuzz.h"

#include "core/environment.c"
#include "core/failure.c"
#include "core/initial_block.c"
#include "core/pattern.c"

#define MOST_PATTERNS 80 /* more than the core parses once */
#define ARGUMENTS "program\0LD_ARGUMENT=1\0" /* what lies before the block */

enum {
    KNOWS_START = 1,  /* the range to search is found without /proc */
    HAS_COPIES = 2,   /* entries of environ are outside of the block, as after setenv(3) */
    HAS_TWICE = 4,    /* each is in environ twice */
    BY_DEFAULT = 8,   /* the loader variables of the system are removed */
    KEEPS_NOTHING = 16
};

static const char *const loader_variables[] = {"LD_*", NULL};
const char *const *const ph_platform_loader_variables = loader_variables;

static char **variables;
static struct ph_span start_strings, environment_block;
static unsigned flags;

char ***ph_platform_environ(void)
{
    return &variables;
}

int ph_platform_environment_block(struct ph_span *block, struct ph_failure *failure)
{
    (void)failure;
    *block = environment_block;
    return 0;
}

int ph_platform_start_strings(struct ph_span *strings)
{
    *strings = start_strings;
    return flags & KNOWS_START ? 0 : -1;
}

int ph_platform_forget_variable(const char *entry, size_t name_length)
{
    EXPECT(name_length <= strlen(entry));
    return 0;
}

/* The same as pattern.c, in the words of hardening.h. */
static size_t length_of_name(const char *entry)
{
    return *entry ? 1 + strcspn(entry + 1, "=") : 0;
}

static int is_match(const char *pattern, const char *entry)
{
    const size_t length = length_of_name(pattern), other = length_of_name(entry);

    if (pattern[length])
        return !strcmp(pattern, entry);
    if (length && pattern[length - 1] == '*')
        return other >= length - 1 && !strncmp(pattern, entry, length - 1);
    return length == other && !strncmp(pattern, entry, length);
}

static int is_any_match(const char *const *patterns, const char *entry)
{
    for (; *patterns; patterns++)
        if (is_match(*patterns, entry))
            return 1;
    return 0;
}

static int is_removed(const struct ph_policy *policy, const char *entry)
{
    return is_any_match(policy->remove ? policy->remove : loader_variables, entry) &&
           !(policy->keep && is_any_match(policy->keep, entry));
}

static int count_call(void *context, const char *entry, size_t name_length)
{
    EXPECT(name_length == length_of_name(entry));
    ++*(size_t *)context;
    return 0;
}

/* Every removed string of the block is zero, and every other byte what it was. */
static size_t check_block(const struct ph_policy *policy, const char *before, size_t size)
{
    const char *block = environment_block.start;
    size_t kept = 0;

    for (size_t at = 0; at < size;) {
        const size_t length = strnlen(before + at, size - at);

        if (length && at + length < size && is_removed(policy, before + at)) {
            for (size_t i = 0; i < length; i++)
                EXPECT(!block[at + i]);
        } else {
            EXPECT(!memcmp(block + at, before + at, length));
            kept += length && at + length < size;
        }
        at += length;
        EXPECT(at >= size || !block[at]);
        at++;
    }
    return kept;
}

/* Fills environ from the block. Returns how many entries it has. */
static size_t fill_variables(size_t size)
{
    char *block = environment_block.start;
    size_t count = 0;

    for (size_t at = 0; at < size; at += strlen(block + at) + 1) {
        const size_t length = strnlen(block + at, size - at);

        if (at + length == size)
            break;
        if (!length)
            continue;
        variables[count++] = flags & HAS_COPIES ? copy_bytes(block + at, length) : block + at;
        if (flags & HAS_TWICE)
            variables[count++] = copy_bytes(block + at, length);
    }
    variables[count] = NULL;
    return count;
}

static void clean_and_check(const struct ph_policy *policy, size_t size)
{
    char *before = copy_bytes(environment_block.start, size);
    const size_t count = fill_variables(size);
    char **texts = calloc(count + 1, sizeof *texts), **entries = calloc(count + 1, sizeof *entries);
    size_t removed = 0, visited = 0, matching = 0, wiped = 0, left = 0, kept;
    const struct ph_visitor visitor = {count_call, &visited}, counter = {count_call, &matching};
    struct ph_failure failure = {0};
    enum ph_outcome outcome;

    for (size_t i = 0; i < count; i++) {
        entries[i] = variables[i];
        texts[i] = copy_bytes(variables[i], strlen(variables[i]));
        removed += (size_t)is_removed(policy, texts[i]);
        EXPECT(ph_environment_matches(texts[i], policy->remove, policy->keep) ==
               is_removed(policy, texts[i]));
    }
    for (size_t at = 0; at < size; at += strlen(before + at) + 1)
        wiped += before[at] && at + strlen(before + at) < size && is_removed(policy, before + at);

    EXPECT(!ph_environment_visit(policy->remove, policy->keep, &counter) && matching == removed);
    outcome = ph_environment_clean(policy, &visitor, &failure);
    EXPECT(outcome == (removed || wiped ? PH_APPLIED : PH_ALREADY));
    EXPECT(visited == removed);
    kept = check_block(policy, before, size);
    EXPECT(!memcmp(start_strings.start, ARGUMENTS, sizeof ARGUMENTS - 1));
    for (size_t i = 0; i < count; i++)
        if (!is_removed(policy, texts[i])) {
            EXPECT(variables[left] == entries[i] && !strcmp(entries[i], texts[i]));
            left++;
        }
    EXPECT(!variables[left]);
    visited = 0;
    EXPECT(!ph_environment_initial(&visitor, &failure) && visited == kept);

    for (size_t i = 0; i < count; i++) {
        if (entries[i] < environment_block.start || entries[i] > environment_block.end)
            free(entries[i]);
        free(texts[i]);
    }
    free(texts);
    free(entries);
    free(before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = input_of(data, size);
    char *remove[MOST_PATTERNS + 1], *keep[MOST_PATTERNS + 1], *line = take_line(&input), *memory;
    struct ph_policy policy = {.steps = PH_BIT(PH_ENVIRONMENT)};
    size_t length;

    limit_time();
    flags = *line ? (unsigned)*line - '0' : 0;
    free(line);
    (void)take_lines(&input, remove, MOST_PATTERNS);
    (void)take_lines(&input, keep, MOST_PATTERNS);
    policy.remove = flags & BY_DEFAULT ? NULL : (const char *const *)remove;
    policy.keep = flags & KEEPS_NOTHING ? NULL : (const char *const *)keep;
    length = (size_t)(input.end - input.at);
    /* Without the NUL of copy_bytes(): nothing follows the block. */
    memory = malloc(sizeof ARGUMENTS - 1 + length);
    memcpy(memory, ARGUMENTS, sizeof ARGUMENTS - 1);
    start_strings = (struct ph_span){memory, memory + sizeof ARGUMENTS - 1 + length};
    environment_block = (struct ph_span){memory + sizeof ARGUMENTS - 1, start_strings.end};
    for (size_t i = 0; i < length; i++)
        environment_block.start[i] = (char)(input.at[i] == '\n' ? '\0' : input.at[i]);
    variables = calloc(2 * length + 1, sizeof *variables);
    block_is_clean = 0;

    clean_and_check(&policy, length);
    free(variables);
    free(memory);
    free_lines(remove);
    free_lines(keep);
    return 0;
}
