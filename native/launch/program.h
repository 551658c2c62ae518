/* What a command line runs: which ELF file, with which arguments and variables (Linux). */
#ifndef PH_PROGRAM_H
#define PH_PROGRAM_H

#include "linux_file.h"

#define PH_EXIT_USAGE 2
#define PH_EXIT_CANNOT 126
#define PH_EXIT_NOT_FOUND 127

#define PH_VARIABLES 16 /* that env lines may set */
/* The most words that scripts put before the arguments. */
#define PH_SPARE (PH_SCRIPTS * (PH_LINE / 2 + 2))

struct ph_program {
    const char *folders; /* where to search, as in PATH; NULL: in our own PATH */
    char path[PH_PATH]; /* as it was found */
    char real[PH_PATH]; /* absolute, no symbolic link in it; empty for an unreadable file */
    const char *name;   /* what the kernel would call the process */
    char **argv;
    char *variables[PH_VARIABLES + 1]; /* NAME=VALUE from env lines */
    int fd; /* open for reading; -1: its caller may not read it, and it may be a script */
    struct ph_identity identity;
    int is_native;       /* for this very architecture: a stub can map it */
    int has_interpreter; /* dynamically linked; known of a native one only */
    int has_known_loader; /* which is there, and obeys LD_PRELOAD; likewise */
    int needs_origin;    /* finds libraries relative to its own file; likewise */
    int is_writable;     /* its caller may change the file */
    char lines[PH_SCRIPTS + 1][PH_LINE + 1];
    char scripts[PH_SCRIPTS][PH_PATH];
};

/* Writes the path of a program to found, as execvp(3) finds it. folders -- as in PATH; NULL: PATH
 * itself. Returns 0, or after one line on standard error an exit status. */
int ph_program_search(const char *name, const char *folders, char found[PH_PATH]);

/* Finds out what argv runs, as execvp(3), the kernel and env(1) do. There must be room for PH_SPARE
 * words before argv. Returns 0, or after one line on standard error an exit status. */
int ph_program_find(struct ph_program *program, char **argv);

/* Says why nothing is started, or for status 0 what to know of the start: "process-hardening: WHO:
 * WHAT". Of who, NAME=VALUE is shown as NAME=...: the value may be a secret. Returns status. */
int ph_complain(int status, const char *who, const char *what);
/* Writes to standard output. Returns 0, or PH_EXIT_USAGE after ph_complain(). */
int ph_print(const char *text, size_t length);
/* What ph_complain() does with a line that has a status: by default, writes it to standard error. */
extern void (*ph_complaint)(const char *line);

#endif
