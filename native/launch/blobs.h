/* The two programs that the launcher carries along; stub/ has their sources. */
#ifndef PH_BLOBS_H
#define PH_BLOBS_H

extern const char ph_stub[], ph_stub_end[];
extern const char ph_namespace[], ph_namespace_end[];

#endif
