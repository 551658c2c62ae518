/* Hardening follows the process through exec, and leaves its children alone (Linux). */
#ifndef PH_FOLLOW_H
#define PH_FOLLOW_H

/* From now on, what this process becomes by ph_execute_followed() loads our library, which is the
 * first of its name in a list of LD_PRELOAD; children, too, where the environment that they get asks
 * for it. An empty list ends that. bypass is the value of PH_BYPASS_NAME_VARIABLE, which goes along,
 * or NULL. Returns whether the list names the library. */
int ph_follow(const char *libraries, int children, const char *bypass);

/* execveat(2), or execve(2) if folder is AT_FDCWD and flags is 0. Async-signal-safe, as execve(2)
 * is. Returns a negative errno value, or does not return. */
long ph_execute_followed(long folder, const char *path, char *const *argv, char *const *envp,
                         int flags);

#endif
