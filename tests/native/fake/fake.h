/* A fake kernel and libc, so that the platform files of other systems run on Linux:
 * a state to set up, a log of the calls in order, and a stack as exec makes it.
 * Headers in common/ and SYSTEM/ redirect the calls to these functions. */
#ifndef PH_FAKE_H
#define PH_FAKE_H

#include <stddef.h>
#include <sys/types.h>

struct fake_fault {
    const char *call; /* as in the log; NULL: no fault */
    int nth;          /* only the nth such call; 0: all */
    int error;        /* fails with this errno value; 0: reports success without effect */
};

struct fake_world {
    pid_t tracer;
    int set_user_id;
    int ktraced;
    int no_new_privs; /* inherited from the parent */
    int trace_disabled; /* inherited from the parent */
    unsigned long core_soft;
    unsigned long core_hard;
    struct fake_fault fault;
};

/* The layout that exec makes: pointers, then strings. */
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

/* Starts a new process: resets the state and fills the stack. The lists end with NULL. */
void fake_start(const struct fake_world *world, const char *const argv[], const char *const envp[]);

/* Defined per system: passes the stack to the platform file or libc. */
void fake_kernel_start(void);

void fake_log_add(const char *text);

/* Makes libc rebuild environ from its own list, as the next setenv(3) does (FreeBSD). */
void fake_rebuild_environ(void);

enum fake_effect {
    FAKE_FAILS, /* errno is set */
    FAKE_PRETENDS,
    FAKE_WORKS
};

/* Logs a call and returns its effect. */
enum fake_effect fake_call(const char *text);

#endif
