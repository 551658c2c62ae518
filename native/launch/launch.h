/* The launcher, which `harden`, `process-hardening run` and reexec=True share (Linux). */
#ifndef PH_LAUNCH_H
#define PH_LAUNCH_H

/* What the caller of the launcher provides. */
struct ph_launcher {
    const char *help;    /* the command that explains the options */
    const char *bypass;  /* see struct ph_policy */
    const char *library; /* the path of our library; NULL: look for it next to the command */
    int keeps_environment; /* the program gets environ unchanged */
    int (*confine)(int strict); /* for --confine, or NULL; returns 0 or an exit status */
    int ignores_signals; /* this process, unlike its caller, ignores SIGPIPE and SIGXFSZ */
};

/* Hardens this process and executes a program. words -- the options, then the program and its
 * arguments. The environment is taken from environ. Returns an exit status after ph_complain(), or
 * 0 after --explain. */
int ph_launch(const struct ph_launcher *launcher, char **words);

#endif
