/* Whether a dynamic loader would load our library into a program (Linux). */
#ifndef PH_TARGET_H
#define PH_TARGET_H

#define PH_RUNTIME 64

/* Whether exec of this file starts a dynamic loader that would load our library. "#!" lines are
 * followed. runtime -- as in ph_loads_library() */
int ph_is_followable(long folder, const char *path, int flags, char runtime[PH_RUNTIME]);

/* Whether the ELF file open at fd is run by a dynamic loader for this architecture. Sets runtime to
 * the library that has to come before ours, such as AddressSanitizer's, or to "". */
int ph_loads_library(long fd, char runtime[PH_RUNTIME]);

/* Whether a list of libraries begins with one that has to come before ours. */
int ph_begins_with_runtime(const char *libraries);

#endif
