/* Whether a dynamic loader would load our library into a program (Linux). */
#ifndef PH_TARGET_H
#define PH_TARGET_H

#include "../exec/elf_file.h"

/* Returns 1 if exec of this file starts a dynamic loader that would load our library, or if that is
 * unknown; 0 if not; and -EPERM as ph_loads_library() does. Follows "#!" lines.
 * elf -- describes the last file, as far as it can be read */
long ph_is_followable(long folder, const char *path, int flags, struct ph_elf *elf);

#endif
