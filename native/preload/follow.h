/* Hardening follows the process through exec, and leaves its children alone (Linux). */
#ifndef PH_FOLLOW_H
#define PH_FOLLOW_H

/* From now on, programs that this process executes with ph_execute_followed() load our library. Its
 * path is the first one in libraries, a value of LD_PRELOAD, whose file name is that of our
 * library. If libraries is empty, programs no longer load it. children -- whether children load the
 * library too if their environment requests it. bypass, except -- the values of
 * PH_BYPASS_NAME_VARIABLE and PH_EXCEPT_VARIABLE, or NULL: they are passed on, whatever values this
 * process sets. Returns whether libraries names the library. */
int ph_follow(const char *libraries, int children, const char *bypass, const char *except);

/* execveat(2), or execve(2) if folder is AT_FDCWD and flags is 0. Async-signal-safe, like
 * execve(2). Returns only on failure, with a negative errno value. */
long ph_execute_followed(long folder, const char *path, char *const *argv, char *const *envp,
                         int flags);

#endif
