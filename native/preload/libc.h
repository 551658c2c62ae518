/* Shared by the functions of this library that replace libc's (Linux). */
#ifndef PH_LIBC_H
#define PH_LIBC_H

#define PH_EXPORT __attribute__((visibility("default")))

/* Turns a negative errno value into -1 and errno. */
long ph_return(long result);

#endif
