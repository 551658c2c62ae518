/* Reads the file that is about to be executed. If the file changes afterwards, that affects only
 * whether the program is followed. */
#define _GNU_SOURCE
#include "target.h"

#include "../core/text.h"
#include "../exec/elf_file.h"
#include "../exec/linux_file.h"
#include "privileges.h"

#include <errno.h>
#include <sys/stat.h>

/* Cuts the path of the interpreter out of a "#!" line. Returns that path, or NULL. */
static const char *find_interpreter(char line[PH_LINE + 1])
{
    char *start = line + 2, *end;

    if (line[0] != '#' || line[1] != '!')
        return NULL;
    while (*start == ' ' || *start == '\t')
        start++;
    for (end = start; *end && *end != ' ' && *end != '\t' && *end != '\n';)
        end++;
    *end = '\0';
    return *start ? start : NULL;
}

/* Whether a descriptor is of this file: a seccomp filter can let open(2) answer 0, which may be the
 * program's standard input. */
static int is_open_as(long fd, const struct ph_statx *file)
{
    struct ph_statx opened = {0};
    const struct ph_identity expected = ph_identify(file);
    struct ph_identity found;

    if (ph_stat(fd, "", AT_EMPTY_PATH, &opened))
        return 0;
    found = ph_identify(&opened);
    return ph_is_same(&found, &expected);
}

long ph_is_followable(long folder, const char *path, int flags, struct ph_elf *elf)
{
    char line[PH_LINE + 1], link[PH_LINK];
    struct ph_statx empty;
    const struct ph_ids ids = ph_read_ids();

    *elf = (struct ph_elf){0};
    if (ids.user[0] != ids.user[1] || ids.group[0] != ids.group[1])
        return 0; /* the loader ignores LD_PRELOAD, and the kernel makes the program non-dumpable */
    /* The kernel uses the descriptor itself only if the path is empty. */
    if (flags & AT_EMPTY_PATH && ph_stat(folder, path, 0, &empty))
        path = ph_link(folder, link);
    for (int depth = 0; path && depth <= PH_SCRIPTS; depth++, folder = AT_FDCWD) {
        struct ph_statx file = {0};
        long fd, length, is_loaded;
        const char *problem;

        /* If the file cannot be read, here and below, it counts as dynamic. A static program would
         * then see two extra variables, which is better than not hardening a dynamic one. An
         * attacker can cause a lack of descriptors. */
        if (ph_stat(folder, path, 0, &file) || !S_ISREG(file.mode))
            return 1;
        fd = ph_syscall(SYS_openat, folder, (long)path, PH_TO_READ, 0, 0);
        if (fd < 0 || (!fd && !is_open_as(0, &file)))
            return ph_loads_library(-1, &file, &ids);
        length = ph_read_at(fd, line, PH_LINE, 0);
        line[length < 0 ? 0 : length] = '\0';
        problem = ph_read_elf(fd, elf);
        is_loaded = ph_loads_library(fd, &file, &ids);
        (void)ph_syscall(SYS_close, fd, 0, 0, 0, 0);
        if (elf->is_dynamic || length <= 0 || (problem && ph_after(line, ELFMAG)))
            return is_loaded;
        path = find_interpreter(line);
    }
    return 0;
}
