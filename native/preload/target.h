/* Whether a dynamic loader would load our library into a program (Linux). */
#ifndef PH_TARGET_H
#define PH_TARGET_H

#include "../exec/elf_file.h"

/* Whether exec of this file starts a dynamic loader that would load our library; also true if that
 * is unknown. Follows "#!" lines. elf -- describes the last file, as far as it can be read */
int ph_is_followable(long folder, const char *path, int flags, struct ph_elf *elf);

#endif
