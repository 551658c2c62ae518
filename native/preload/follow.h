/* Hardening follows the process through exec, and leaves its children alone (Linux). */
#ifndef PH_FOLLOW_H
#define PH_FOLLOW_H

/* From now on, programs that this process executes by ph_execute_followed() load our library: the
 * first with its name in libraries, which is a value of LD_PRELOAD. Children load it too if their
 * environment requests it. An empty list stops that. bypass, except -- the values of
 * PH_BYPASS_NAME_VARIABLE and PH_EXCEPT_VARIABLE, or NULL: they are passed on, whatever this process
 * sets. Returns whether the list names the library. */
int ph_follow(const char *libraries, int children, const char *bypass, const char *except);

/* execveat(2), or execve(2) if folder is AT_FDCWD and flags is 0. Async-signal-safe, like
 * execve(2). Returns a negative errno value, or does not return. */
long ph_execute_followed(long folder, const char *path, char *const *argv, char *const *envp,
                         int flags);

#endif
