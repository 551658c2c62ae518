/* The seccomp filter of PH_SEAL, with the kernel's structures and constants, for which musl has
 * no headers.
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
#define SECCOMP_FILTER_FLAG_TSYNC 1      /* all threads */
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW 4 /* no speculation mitigation, which is slow */
#define SECCOMP_FILTER_FLAGS (SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW)
#define SECCOMP_RET_ALLOW 0x7fff0000u
#define SECCOMP_RET_ERRNO 0x00050000u

/* ARCH is this architecture, OTHER_ARCH another one whose system calls the kernel accepts
 * (AUDIT_ARCH_* of audit.h), with the numbers of prctl(2) in both. */
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

/* Offsets in struct seccomp_data: int nr; u32 arch; u64 instruction_pointer; u64 args[6]. */
#define DATA_NR 0
#define DATA_ARCH 4
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define DATA_LOW_ARG(argument) (16 + 8 * (argument))
#else
#define DATA_LOW_ARG(argument) (20 + 8 * (argument))
#endif

/* struct sock_filter and struct sock_fprog. */
struct ph_bpf {
    uint16_t code;
    uint8_t jt;
    uint8_t jf;
    uint32_t k;
};
struct ph_bpf_program {
    uint16_t length;
    const struct ph_bpf *filter;
};

#define BPF_LD 0x00
#define BPF_W 0x00
#define BPF_ABS 0x20
#define BPF_JMP 0x05
#define BPF_JEQ 0x10
#define BPF_K 0x00
#define BPF_RET 0x06

/* One instruction each, at its label. A jump counts from the next instruction. */
#define LOAD(label, offset) [label] = {BPF_LD | BPF_W | BPF_ABS, 0, 0, offset}
#define IF_EQUAL(label, value, then, otherwise)                                                    \
    [label] = {BPF_JMP | BPF_JEQ | BPF_K, (then) - (label) - 1, (otherwise) - (label) - 1, value}
#define RETURN(label, value) [label] = {BPF_RET | BPF_K, 0, 0, value}

enum ph_seal_label {
    LOAD_ARCH, IS_ARCH,
    LOAD_CALL, IS_PRCTL, IS_ALSO_PRCTL,
    IS_OTHER_ARCH, LOAD_OTHER_CALL, IS_OTHER_PRCTL, IS_OTHER_ALSO_PRCTL,
    LOAD_OPTION, IS_SET_DUMPABLE, LOAD_VALUE, IS_ZERO,
    DENY, ALLOW
};

/* Denies prctl(PR_SET_DUMPABLE, value) unless value is 0, and every system call of an
 * architecture that is not in the table above. */
static const struct ph_bpf ph_seal_filter[] = {
    LOAD(LOAD_ARCH, DATA_ARCH),
    IF_EQUAL(IS_ARCH, ARCH, LOAD_CALL, IS_OTHER_ARCH),

    LOAD(LOAD_CALL, DATA_NR),
    IF_EQUAL(IS_PRCTL, SYS_prctl, LOAD_OPTION, IS_ALSO_PRCTL),
    IF_EQUAL(IS_ALSO_PRCTL, ALSO_PRCTL, LOAD_OPTION, ALLOW),

    IF_EQUAL(IS_OTHER_ARCH, OTHER_ARCH, LOAD_OTHER_CALL, DENY),
    LOAD(LOAD_OTHER_CALL, DATA_NR),
    IF_EQUAL(IS_OTHER_PRCTL, OTHER_PRCTL, LOAD_OPTION, IS_OTHER_ALSO_PRCTL),
    IF_EQUAL(IS_OTHER_ALSO_PRCTL, OTHER_ALSO_PRCTL, LOAD_OPTION, ALLOW),

    LOAD(LOAD_OPTION, DATA_LOW_ARG(0)),
    IF_EQUAL(IS_SET_DUMPABLE, PR_SET_DUMPABLE, LOAD_VALUE, ALLOW),
    LOAD(LOAD_VALUE, DATA_LOW_ARG(1)),
    IF_EQUAL(IS_ZERO, 0, ALLOW, DENY),

    RETURN(DENY, SECCOMP_RET_ERRNO | EPERM),
    RETURN(ALLOW, SECCOMP_RET_ALLOW),
};
static const struct ph_bpf_program ph_seal_program = {
    sizeof ph_seal_filter / sizeof *ph_seal_filter, ph_seal_filter};

#endif
