/* What a command line runs: the ELF file, its arguments and its variables (Linux). */
#ifndef PH_PROGRAM_H
#define PH_PROGRAM_H

#include "../exec/elf_file.h"
#include "../exec/linux_file.h"
#include "output.h"

#define PH_VARIABLES 16 /* how many variables env lines can set, at most */
/* The maximum number of words that scripts put before the arguments. */
#define PH_SPARE (PH_SCRIPTS * (PH_LINE / 2 + 2))

struct ph_program {
    const char *folders; /* where to search, in the format of PATH; NULL: in our own PATH */
    char path[PH_PATH]; /* as it was found */
    char real[PH_PATH]; /* absolute, without symbolic links; empty for an unreadable file */
    const char *name;   /* what the kernel would call the process */
    char **argv;
    char *variables[PH_VARIABLES + 1]; /* NAME=VALUE from env lines */
    int fd; /* open for reading; -1: the caller cannot read it, so it may be a script */
    struct ph_identity identity;
    struct ph_elf elf;
    const char *loaded; /* what the program loads if it is a dynamic loader; else NULL */
    int is_writable; /* the caller can modify the file */
    char lines[PH_SCRIPTS + 1][PH_LINE + 1];
    char scripts[PH_SCRIPTS][PH_PATH];
};

/* Finds a program as execvp(3) would, and writes its path to found. folders -- in the format of
 * PATH; NULL: use PATH itself. Returns 0, or an exit status after one line on standard error. */
int ph_program_search(const char *name, const char *folders, char found[PH_PATH]);

/* Finds out what argv would run, by the rules of execvp(3), the kernel and env(1). There must be
 * room for PH_SPARE words before argv. Returns 0, or an exit status after one line on standard
 * error. */
int ph_program_find(struct ph_program *program, char **argv);

#endif
