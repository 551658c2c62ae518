/* Confining a process, which then cannot read, trace or crash other processes (Linux). */
#ifndef PH_DOMAIN_H
#define PH_DOMAIN_H

#include "../core/platform.h"

#define PH_LANDLOCK_REFER 2   /* the first version that allows renaming files across directories */
#define PH_LANDLOCK_SIGNALS 6 /* the first that can block signals to other processes */
#define PH_LANDLOCK_THREADS 8 /* the first that can restrict all threads of a process */

#define PH_CONFINE_SIGNALS 1u /* block signals to other processes, where the kernel can */
#define PH_CONFINE_THREADS 2u /* confine all threads of this process, not only the calling one */

/* Capabilities that give access to other processes without a Landlock check: kernel modules,
 * /proc/kcore, and mm_access() in kernel/fork.c, which since Linux 6.14 lets CAP_PERFMON read
 * /proc/PID/environ and maps. With CAP_SYS_NICE, a process can make the kernel crash others:
 * if they overrun a deadline that it sets for them, they get SIGXCPU (SCHED_FLAG_DL_OVERRUN of
 * sched_setattr(2)). One word for each half of a capability set. */
#define PH_BYPASSING_LOW (1u << 21 | 1u << 16 | 1u << 17 | 1u << 23)
#define PH_BYPASSING_HIGH (1u << (38 - 32))
#define PH_BYPASSING "CAP_SYS_ADMIN, CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_NICE and CAP_PERFMON"

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
