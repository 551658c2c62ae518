/* What /proc reports about this process. */
#ifndef PH_LINUX_PROC_H
#define PH_LINUX_PROC_H

#include <stddef.h>
#include <stdint.h>

/* Reads the start of a file, NUL-terminated. Returns its length or a negative errno value. */
long ph_read_file(const char *path, char *buffer, size_t size);

/* Returns the text after the first occurrence of label, or NULL. */
const char *ph_find_after(const char *text, const char *label);

/* Parses a decimal number after blanks. Returns the text after it, or NULL if there is no number or
 * it is too large. */
const char *ph_parse_number(const char *text, uint64_t *number);

/* Reads consecutive numbers from /proc/self/stat, beginning with field number first (at least 3).
 * Returns 0 or a negative errno value.
 * Source: proc_pid_stat(5). */
long ph_read_stat(int first, uint64_t *numbers, int count);

/* What the status file of a thread shows. A seccomp filter can make a system call fail or return
 * 0, but it cannot fill a buffer, so none of this can be forged. -1: unknown. */
struct ph_thread {
    int64_t tracer;
    int seccomp; /* the mode; 0: there is no filter */
    int64_t filters; /* how many (Linux 5.9) */
    int64_t threads; /* of the process */
    int64_t user; /* the effective user id */
};
#define PH_OWN_THREAD "/proc/thread-self/status"

/* Returns 0, or a negative errno value if nothing is known. */
long ph_read_thread(const char *path, struct ph_thread *thread);

/* Returns the pid of a process that traces any of our threads, 0, or a negative errno value. */
long ph_read_tracer(void);

/* Whether a process outside our pid namespace traces the calling thread, as far as that can be
 * known: linux_tracer.c. Starts a child, outside the initial pid namespace. */
int ph_has_outside_tracer(void);

/* Whether a file is really unreadable, as open(2) and faccessat(2) reported: its mode confirms
 * that, or there is no filter that could have faked the answer. */
int ph_confirm_unreadable(uint32_t mode, uint32_t owner);

/* Returns the dumpable flag, or -1 if nothing confirms what prctl(PR_GET_DUMPABLE) claimed. */
long ph_confirm_dumpable(long claimed);

#endif
