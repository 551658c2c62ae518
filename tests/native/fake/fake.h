/* A kernel and libc of straw, so that the platform files of other systems run
 * on Linux: one world to set up, one log of the calls in order, one stack as
 * exec leaves it. Headers in common/ and SYSTEM/ rename the calls to these. */
#ifndef PH_FAKE_H
#define PH_FAKE_H

#include <stddef.h>
#include <sys/types.h>

struct fake_fault {
    const char *call; /* as the log writes it; NULL: no fault */
    int nth;          /* the nth such call alone; 0: each */
    int error;        /* fails with this errno value; 0: reports success and does nothing */
};

struct fake_world {
    pid_t tracer;
    int set_user_id;
    int ktraced;
    int no_new_privs; /* from before, as a parent leaves it */
    int trace_disabled; /* the same */
    unsigned long core_soft;
    unsigned long core_hard;
    struct fake_fault fault;
};

/* Where exec put things: pointers first, then one area of strings. */
struct fake_stack {
    int argc;
    int envc;
    char **argv;
    char **envp;
    char **apple;
    char *strings; /* the program's path, then argv */
    char *environment;
    char *environment_end;
    char *strings_end;
    void *top; /* room for the struct ps_strings of a BSD */
};

extern struct fake_world fake_world;
extern struct fake_stack fake_stack;
extern char fake_log[4096];
extern char **fake_environ;

/* Begins a process: forgets everything, lays out the stack. The lists end in NULL. */
void fake_start(const struct fake_world *world, const char *const argv[], const char *const envp[]);

/* Each system's: tells the platform file or libc where the stack is. */
void fake_kernel_start(void);

void fake_log_add(const char *text);

/* Makes libc write environ anew from its own list, as its next setenv(3) would (FreeBSD). */
void fake_rebuild_environ(void);

enum fake_effect {
    FAKE_FAILS, /* errno is set */
    FAKE_PRETENDS,
    FAKE_WORKS
};

/* Logs a call and says what it is to do. */
enum fake_effect fake_call(const char *text);

#endif
