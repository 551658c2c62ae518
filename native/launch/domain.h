/* Confinement: a process that cannot read, trace or crash other processes (Linux). */
#ifndef PH_DOMAIN_H
#define PH_DOMAIN_H

#include "../core/platform.h"

#define PH_LANDLOCK_REFER 2   /* the first version that allows renaming files across directories */
#define PH_LANDLOCK_SIGNALS 6 /* the first that can block signals to other processes */
#define PH_LANDLOCK_THREADS 8 /* the first that can restrict all threads of a process */

#define PH_CONFINE_SIGNALS 1u /* block signals to other processes, where the kernel can */
#define PH_CONFINE_THREADS 2u /* confine all threads of this process, not only the calling one */

/* The version of Landlock's interface that the kernel offers, or -1 with failure filled in. */
long ph_landlock_version(struct ph_failure *failure);

/* A process outside the domain, on which every restriction is tested after it is set. */
struct ph_probe {
    long pid, socket;
};
/* Starts a probe, in whose memory the bytes of secrets are wiped. Returns 0, or -1 with failure
 * filled in. */
int ph_probe_start(const struct ph_span *secrets, struct ph_probe *probe,
                   struct ph_failure *failure);
void ph_probe_end(const struct ph_probe *probe);
/* Acts as a probe: reports on standard output that it is ready, and waits until standard input ends
 * or delivers a byte. */
_Noreturn void ph_probe_wait(void);

/* Permanently confines the calling thread, the processes that it starts and the programs that it
 * executes. probe, the pid of a process, must be outside the domain and belong to the same user.
 * Returns 0, or -1 with failure filled in: some restrictions may then remain.
 * Source: Documentation/userspace-api/landlock.rst. */
int ph_confine(unsigned flags, long probe, struct ph_failure *failure);

/* Whether ph_confine() has confined this process or an ancestor: 1, 0, or -1 if unknown. Starts a
 * child and waits for it. */
int ph_is_confined(void);

/* Writes the failure and its remedy as one line without a newline, which fits into
 * PH_CONFINE_MESSAGE bytes. */
#define PH_CONFINE_MESSAGE (2 * PH_MESSAGE_SIZE)
void ph_confine_describe(const struct ph_failure *failure, char *buffer, size_t size);

#endif
