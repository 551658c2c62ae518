/* The path of a program that runs from memory (Linux). */
#ifndef PH_OWN_NAME_H
#define PH_OWN_NAME_H

/* From now on, readlink(2), realpath(3) and similar calls return this path for /proc/self/exe. */
void ph_set_own_name(const char *path);

/* Returns the path from ph_set_own_name() if this process runs from memory and path leads to its
 * image, else NULL. path -- relative to folder; with AT_EMPTY_PATH, folder itself counts */
const char *ph_own_name_of(long folder, const char *path, int flags);

#endif
