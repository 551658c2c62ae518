/* Confining: a process that reads, traces and crashes no process outside (Linux). */
#ifndef PH_DOMAIN_H
#define PH_DOMAIN_H

#include "../core/platform.h"

#define PH_LANDLOCK_REFER 2   /* the version that lets files be renamed across folders */
#define PH_LANDLOCK_SIGNALS 6 /* that refuses signals to processes outside */
#define PH_LANDLOCK_THREADS 8 /* that restricts all threads of a process at once */

#define PH_CONFINE_SIGNALS 1u /* refuse signals to processes outside, where the kernel can */
#define PH_CONFINE_THREADS 2u /* confine all threads of this process, not only the calling one */

/* The version of Landlock's interface that the kernel offers, or -1 with failure filled in. */
long ph_landlock_version(struct ph_failure *failure);

/* A process outside, on which every restriction is tried after it was set. */
struct ph_probe {
    long pid, socket;
};
/* Starts it, without the bytes in secrets. Returns 0, or -1 with failure filled in. */
int ph_probe_start(const struct ph_span *secrets, struct ph_probe *probe,
                   struct ph_failure *failure);
void ph_probe_end(const struct ph_probe *probe);
/* Is one: says so on standard output and lasts until standard input ends or brings a byte. */
_Noreturn void ph_probe_wait(void);

/* Confines the calling thread, what it starts and what it becomes, for ever. The process probe must
 * be outside and of the same user. Returns 0, or -1 with failure filled in: then some restrictions
 * may stay. Source: Documentation/userspace-api/landlock.rst. */
int ph_confine(unsigned flags, long probe, struct ph_failure *failure);

/* Whether ph_confine() has confined this process or one that it descends from: 1, 0, or -1 where that
 * cannot be found out. Starts a child, and waits for it. */
int ph_is_confined(void);

/* Writes the failure, and what to do about it, as one line without a newline, which fits into
 * PH_CONFINE_MESSAGE bytes. */
#define PH_CONFINE_MESSAGE (2 * PH_MESSAGE_SIZE)
void ph_confine_describe(const struct ph_failure *failure, char *buffer, size_t size);

#endif
