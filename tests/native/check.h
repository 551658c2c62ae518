/* The whole test harness. A test is a program: main() calls CHECK() and ends
 * with return check_summary(). */
#ifndef PH_CHECK_H
#define PH_CHECK_H

#include <stdio.h>
#include <string.h>

static int check_count;
static int check_failures;
/* The row of a table, printed before each failure. */
static const char *check_case = "";

#define CHECK(condition) check_that(!!(condition), __FILE__, __LINE__, #condition)
#define CHECK_TEXT(actual, expected) check_text((actual), (expected), __FILE__, __LINE__)

static inline int check_that(int holds, const char *file, int line, const char *condition)
{
    check_count++;
    if (!holds) {
        check_failures++;
        printf("%s:%d: %s%sfailed: %s\n", file, line, check_case, *check_case ? ": " : "",
               condition);
    }
    return holds;
}

static inline int check_text(const char *actual, const char *expected, const char *file, int line)
{
    int same = !strcmp(actual, expected);

    check_that(same, file, line, "the texts are the same");
    if (!same)
        printf("  expected: %s\n  actual:   %s\n", expected, actual);
    return same;
}

static inline int check_summary(void)
{
    printf("%d checks, %d failed\n", check_count, check_failures);
    return check_failures != 0;
}

#endif
