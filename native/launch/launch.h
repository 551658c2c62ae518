/* The launcher, which `harden`, `process-hardening run` and reexec=True share (Linux). */
#ifndef PH_LAUNCH_H
#define PH_LAUNCH_H

/* Whose launcher it is. */
struct ph_launcher {
    const char *help;    /* the command that explains the options */
    const char *bypass;  /* see struct ph_policy */
    const char *library; /* the path of our library; NULL: look for it beside the command */
    int keeps_environment; /* the program gets environ as it is */
    int (*confine)(int strict); /* for --confine, or NULL; returns 0 or an exit status after a line */
    int ignores_signals; /* this process ignores SIGPIPE and SIGXFSZ, which its caller did not */
};

/* Hardens this process and becomes the program that words, options first, ask for. Its environment
 * is environ. Returns an exit status after ph_complain(), or 0 after --explain. */
int ph_launch(const struct ph_launcher *launcher, char **words);

#endif
