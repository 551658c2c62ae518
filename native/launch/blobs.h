/* The two programs embedded in the launcher, compiled from stub/load.c and stub/namespace.c. */
#ifndef PH_BLOBS_H
#define PH_BLOBS_H

#include <stddef.h>

extern const unsigned char ph_stub[];
extern const size_t ph_stub_size;
extern const unsigned char ph_namespace[];
extern const size_t ph_namespace_size;

#endif
