/* How this process was started (Linux). */
#ifndef PH_STARTED_H
#define PH_STARTED_H

/* "execute-only": from an image of ours; "unreadable file": from a file that its caller cannot
 * read; "ordinary": otherwise, or if the process is dumpable nevertheless. */
const char *ph_read_start(void);

#endif
