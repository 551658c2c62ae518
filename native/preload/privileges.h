/* What the privileges of a file do to a process that executes it (Linux). */
#ifndef PH_PRIVILEGES_H
#define PH_PRIVILEGES_H

#include "../core/platform/linux_statx.h"

#include <stdint.h>

/* Real, effective and saved ids. */
struct ph_ids {
    uint32_t user[3], group[3];
};

struct ph_ids ph_read_ids(void);

/* Whether the dynamic loader of a program obeys LD_PRELOAD, depending on its set-user-ID and
 * set-group-ID bits and its file capabilities. Returns
 * - 1 if it does: the file has no privileges, or they have no effect here;
 * - 0 if it does not: the process gains rights, and the kernel keeps others out of it;
 * - -EPERM if it does not although the process gains nothing, so nothing would protect it.
 * fd -- the file, or -1 if it cannot be opened; ids -- of this process: real and effective ones are
 * the same. Source: fs/exec.c bprm_fill_uid(), security/commoncap.c cap_bprm_creds_from_file() */
long ph_loads_library(long fd, const struct ph_statx *file, const struct ph_ids *ids);

#endif
