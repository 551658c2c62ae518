/* The filter of PH_SEAL. The kernel's structures and numbers, which musl has no headers for.
 * Source: include/uapi/linux/{filter,bpf_common,seccomp,audit}.h. */
#ifndef PH_LINUX_SEAL_H
#define PH_LINUX_SEAL_H

#include <errno.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#ifndef SYS_seccomp
#error "this C library is older than seccomp(2)"
#endif
#define SECCOMP_SET_MODE_FILTER 1
#define SECCOMP_FILTER_FLAGS (1 | 4) /* TSYNC: all threads; SPEC_ALLOW: no slower for it */
#define SECCOMP_RET_ALLOW 0x7fff0000u
#define SECCOMP_RET_ERRNO 0x00050000u

/* Each architecture, and the one whose programs it runs as well; audit.h and syscall tables. */
#if defined __x86_64__
#define ARCH 0xc000003eu
#define ALSO_PRCTL (0x40000000u + SYS_prctl) /* x32 */
#define OTHER_ARCH 0x40000003u               /* i386 */
#define OTHER_PRCTL 172
#elif defined __i386__
#define ARCH 0x40000003u
#define OTHER_ARCH 0xc000003eu /* x86_64, when the kernel is */
#define OTHER_PRCTL 157
#define OTHER_ALSO_PRCTL (0x40000000u + OTHER_PRCTL) /* x32 */
#elif defined __aarch64__
#define ARCH 0xc00000b7u
#define OTHER_ARCH 0x40000028u /* arm */
#define OTHER_PRCTL 172
#elif defined __arm__
#define ARCH 0x40000028u
#define OTHER_ARCH 0xc00000b7u /* aarch64, when the kernel is */
#define OTHER_PRCTL 167
#elif defined __riscv
#define ARCH 0xc00000f3u
#define OTHER_ARCH 0x400000f3u /* riscv32 */
#elif defined __s390x__
#define ARCH 0x80000016u
#define OTHER_ARCH 0x00000016u /* s390 */
#endif
#ifndef ALSO_PRCTL
#define ALSO_PRCTL SYS_prctl
#endif
#ifndef OTHER_PRCTL
#define OTHER_PRCTL SYS_prctl
#endif
#ifndef OTHER_ALSO_PRCTL
#define OTHER_ALSO_PRCTL OTHER_PRCTL
#endif

/* struct seccomp_data: number, architecture, address, six arguments of 64 bits. */
#define NUMBER 0
#define ARCHITECTURE 4
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW_WORD_OF(argument) (16 + 8 * (argument))
#else
#define LOW_WORD_OF(argument) (20 + 8 * (argument))
#endif

struct ph_bpf {
    uint16_t code;
    uint8_t if_true;
    uint8_t if_false;
    uint32_t k;
};
struct ph_bpf_program {
    uint16_t length;
    const struct ph_bpf *at;
};

#define LOAD(offset)                                                                               \
    {                                                                                              \
        0x20, 0, 0, offset                                                                         \
    }
#define IF_EQUAL(value, if_true, if_false)                                                         \
    {                                                                                              \
        0x15, if_true, if_false, value                                                             \
    }
#define RETURN(value)                                                                              \
    {                                                                                              \
        0x06, 0, 0, value                                                                          \
    }

/* Jumps count from the next line. Refuses prctl(PR_SET_DUMPABLE, anything but 0), and every call
 * in the way of an architecture that is not in the table above. */
static const struct ph_bpf ph_seal_filter[] = {
    LOAD(ARCHITECTURE),
    IF_EQUAL(ARCH, 0, 3),
    LOAD(NUMBER),
    IF_EQUAL(SYS_prctl, 5, 0),
    IF_EQUAL(ALSO_PRCTL, 4, 9),
    IF_EQUAL(OTHER_ARCH, 0, 7),
    LOAD(NUMBER),
    IF_EQUAL(OTHER_PRCTL, 1, 0),
    IF_EQUAL(OTHER_ALSO_PRCTL, 0, 5),
    LOAD(LOW_WORD_OF(0)),
    IF_EQUAL(PR_SET_DUMPABLE, 0, 3),
    LOAD(LOW_WORD_OF(1)),
    IF_EQUAL(0, 1, 0),
    RETURN(SECCOMP_RET_ERRNO | EPERM),
    RETURN(SECCOMP_RET_ALLOW),
};
static const struct ph_bpf_program ph_seal_program = {
    sizeof ph_seal_filter / sizeof *ph_seal_filter, ph_seal_filter};

#endif
