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

/* Reads consecutive numbers of /proc/self/stat, starting at a field (at least 3). Returns 0 or a
 * negative errno value.
 * Source: proc_pid_stat(5). */
long ph_read_stat(int first, uint64_t *numbers, int count);

/* A thread, from its status file. A seccomp filter can make a system call fail or answer 0 for it,
 * but it cannot fill a buffer, so none of this can be forged. -1: unknown. */
struct ph_thread {
    int64_t tracer;
    int seccomp; /* the mode; 0: no filter answers for the kernel */
    int64_t filters; /* how many (Linux 5.9) */
    int64_t threads; /* of the process */
    int64_t user; /* the effective one */
};
#define PH_OWN_THREAD "/proc/thread-self/status"

/* Returns 0, or a negative errno value if nothing is known. */
long ph_read_thread(const char *path, struct ph_thread *thread);

/* Returns the pid of a process that traces any thread of this one, 0, or a negative errno value. */
long ph_read_tracer(void);

/* Confirms that a file is unreadable, as open(2) and faccessat(2) reported: by its mode, or because
 * no filter can answer for these calls. */
int ph_confirm_unreadable(uint32_t mode, uint32_t owner);

/* Returns the dumpable flag, or -1 if nothing confirms what prctl(PR_GET_DUMPABLE) claimed. */
long ph_confirm_dumpable(long claimed);

#endif
