/* Runs a test in a separate process, and makes system calls fail, or report success
 * without effect, there. Linux only. */
#ifndef PH_CHILD_H
#define PH_CHILD_H

#include "check.h"
#include "hardening.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE(array) (sizeof(array) / sizeof *(array))

/* Where a test process writes its counts; exec keeps it open. */
#define COUNTS_FD 63

/* Every test process exits here. */
static inline _Noreturn void end_test(void)
{
    const int counts[2] = {check_count, check_failures};

    fflush(stdout);
    _exit(write(COUNTS_FD, counts, sizeof counts) != (ssize_t)sizeof counts);
}

/* Runs a test in a child, since the core changes the process and has state.
 * The test may exec a program that calls end_test(). */
static inline void isolated(void (*test)(const void *), const void *argument)
{
    int counts[2] = {1, 1}, ends[2], status = -1;
    pid_t child;

    fflush(stdout);
    if (!CHECK(!pipe(ends)))
        return;
    child = fork();
    if (!child) {
        check_count = check_failures = 0;
        close(ends[0]);
        if (dup2(ends[1], COUNTS_FD) != COUNTS_FD)
            _exit(96);
        close(ends[1]);
        test(argument);
        end_test();
    }
    close(ends[1]);
    CHECK(read(ends[0], counts, sizeof counts) == (ssize_t)sizeof counts);
    close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child);
    if (!CHECK(!status))
        printf("  the test process ended with status %#x\n", (unsigned)status);
    check_count += counts[0];
    check_failures += counts[1];
}

/* Prints what this machine or user cannot test. */
static inline void not_tested(const char *what, const char *why)
{
    printf("not tested: %s: %s\n", what, why);
}

struct output {
    int status; /* as from waitpid(2) */
    char out[16384];
    char err[2048];
};

static inline void read_back(int fd, char *text, size_t size)
{
    ssize_t length = pread(fd, text, size - 1, 0);

    CHECK(length >= 0);
    text[length < 0 ? 0 : length] = '\0';
    close(fd);
}

/* Runs a function that execs or exits, and captures its output. */
static inline void capture(void (*run)(const void *), const void *argument, struct output *output)
{
    int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
    pid_t child;

    fflush(stdout);
    child = fork();
    if (!child) {
        if (dup2(out, 1) != 1 || dup2(err, 2) != 2)
            _exit(96);
        run(argument);
        fflush(stdout);
        _exit(97);
    }
    output->status = -1;
    CHECK(waitpid(child, &output->status, 0) == child);
    read_back(out, output->out, sizeof output->out);
    read_back(err, output->err, sizeof output->err);
}

static inline int exited_with(const struct output *output, int status)
{
    return WIFEXITED(output->status) && WEXITSTATUS(output->status) == status;
}

static inline void check_outcomes(const struct ph_report *report, const char *expected)
{
    static const char letters[] = {[PH_SKIPPED] = '-',
                                   [PH_APPLIED] = 'a',
                                   [PH_ALREADY] = '=',
                                   [PH_UNSUPPORTED] = 'u',
                                   [PH_FAILED] = 'F'};
    char actual[PH_STEPS + 1] = "";

    for (int step = 0; step < PH_STEPS; step++)
        actual[step] = letters[report->outcome[step]];
    CHECK_TEXT(actual, expected);
}

static inline void check_message(const struct ph_report *report, const char *expected, int status)
{
    const struct ph_policy policy = {.bypass = PH_BYPASS_VARIABLE};
    char actual[PH_MESSAGE_SIZE], whole[PH_MESSAGE_SIZE];

    CHECK(snprintf(whole, sizeof whole,
                   "process-hardening: %s; exiting with status %d (CODEX_SKIP_HARDENING=1 starts "
                   "without hardening, which exposes secrets)",
                   expected, status) < (int)sizeof whole);
    ph_message(report, &policy, actual, sizeof actual);
    CHECK_TEXT(actual, whole);
}

/* The kernel's structures and constants of seccomp(2), for which musl has no headers. */
struct bpf_instruction {
    uint16_t code;
    uint8_t if_true;
    uint8_t if_false;
    uint32_t k;
};
struct bpf_program {
    unsigned short length;
    struct bpf_instruction *instructions;
};
#define BPF_LOAD_WORD 0x20 /* BPF_LD | BPF_W | BPF_ABS */
#define BPF_IF_EQUAL 0x15  /* BPF_JMP | BPF_JEQ | BPF_K */
#define BPF_RETURN 0x06    /* BPF_RET | BPF_K */
#define SECCOMP_FILTER 1   /* SECCOMP_SET_MODE_FILTER */
#define ALLOW 0x7fff0000u  /* SECCOMP_RET_ALLOW */
/* The call has no effect and returns -error. */
#define FAIL(error) (0x00050000u | (uint32_t)(error)) /* SECCOMP_RET_ERRNO */
/* The call has no effect and returns 0. */
#define LIE FAIL(0)

/* The action for a system call with this value in the low 32 bits of an argument. */
struct rule {
    long number;
    int argument; /* 0 to 5 */
    uint32_t value;
    uint32_t action;
};

#define MAX_RULES 4
#define RULE_LENGTH 5

/* Installs a filter; the first rule that matches applies. A rule without an action ends
 * the list. The architecture is not checked, since the tests are native. */
static inline int install_rules(const struct rule *rules)
{
    /* struct seccomp_data: int nr; u32 arch; u64 instruction_pointer; u64 args[6]. */
    const uint32_t first_argument = 16 + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0);
    struct bpf_instruction code[MAX_RULES * RULE_LENGTH + 1];
    struct bpf_program program = {0, code};
    struct bpf_instruction *at = code;

    for (int i = 0; i < MAX_RULES && rules[i].action; i++) {
        *at++ = (struct bpf_instruction){BPF_LOAD_WORD, 0, 0, 0};
        *at++ = (struct bpf_instruction){BPF_IF_EQUAL, 0, 3, (uint32_t)rules[i].number};
        *at++ = (struct bpf_instruction){BPF_LOAD_WORD, 0, 0,
                                         first_argument + 8 * (uint32_t)rules[i].argument};
        *at++ = (struct bpf_instruction){BPF_IF_EQUAL, 0, 1, rules[i].value};
        *at++ = (struct bpf_instruction){BPF_RETURN, 0, 0, rules[i].action};
    }
    *at++ = (struct bpf_instruction){BPF_RETURN, 0, 0, ALLOW};
    program.length = (unsigned short)(at - code);
    /* Only root may install a filter without it. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -1;
    return (int)syscall(SYS_seccomp, SECCOMP_FILTER, 0, &program);
}

#endif
