/* How this process was started (Linux). */
#ifndef PH_STARTED_H
#define PH_STARTED_H

/* Returns "execute-only" if this process runs an image of ours, "unreadable file" if it runs a file
 * that its caller cannot read, and "ordinary" otherwise or if the process is dumpable. */
const char *ph_read_start(void);

#endif
