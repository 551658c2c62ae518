/* Building blocks of seccomp filters: the kernel's structures and constants, for which musl has no
 * headers, and one macro for each instruction.
 * Source: include/uapi/linux/{filter,bpf_common,seccomp,audit}.h. */
#ifndef PH_LINUX_FILTER_H
#define PH_LINUX_FILTER_H

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>

#ifndef SYS_seccomp
#error "this C library is older than seccomp(2)"
#endif
#define SECCOMP_SET_MODE_FILTER 1
#define SECCOMP_MODE_FILTER 2
#define SECCOMP_FILTER_FLAG_TSYNC 1      /* all threads */
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW 4 /* without the speculation mitigation, which is slow */
#define SECCOMP_FILTER_FLAGS (SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW)
#define SECCOMP_RET_ALLOW 0x7fff0000u
#define SECCOMP_RET_ERRNO 0x00050000u

/* ARCH is this architecture, and OTHER_ARCH is another one whose system calls the kernel accepts
 * (AUDIT_ARCH_* of audit.h). */
#define X32_BIT 0x40000000u /* set in the call numbers of x32, which has the ARCH of x86_64 */
#if defined __x86_64__
#define ARCH 0xc000003eu
#define OTHER_ARCH 0x40000003u /* i386 */
#elif defined __i386__
#define ARCH 0x40000003u
#define OTHER_ARCH 0xc000003eu /* x86_64, if the kernel is 64-bit */
#elif defined __aarch64__
#define ARCH 0xc00000b7u
#define OTHER_ARCH 0x40000028u /* arm */
#elif defined __arm__
#define ARCH 0x40000028u
#define OTHER_ARCH 0xc00000b7u /* aarch64, if the kernel is 64-bit */
#elif defined __riscv
#define ARCH 0xc00000f3u
#define OTHER_ARCH 0x400000f3u /* riscv32 */
#elif defined __s390x__
#define ARCH 0x80000016u
#define OTHER_ARCH 0x00000016u /* s390 */
#endif

/* Offsets in struct seccomp_data: int nr; u32 arch; u64 instruction_pointer; u64 args[6]. */
#define DATA_NR 0
#define DATA_ARCH 4
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define DATA_LOW_ARG(argument) (16 + 8 * (argument))
#define DATA_HIGH_ARG(argument) (20 + 8 * (argument))
#else
#define DATA_LOW_ARG(argument) (20 + 8 * (argument))
#define DATA_HIGH_ARG(argument) (16 + 8 * (argument))
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
#define BPF_JSET 0x40
#define BPF_ALU 0x04
#define BPF_AND 0x50
#define BPF_K 0x00
#define BPF_RET 0x06

/* Each macro is one instruction, placed at its label. Jumps count from the next instruction. */
#define LOAD(label, offset) [label] = {BPF_LD | BPF_W | BPF_ABS, 0, 0, offset}
#define IF_EQUAL(label, value, then, otherwise)                                                    \
    [label] = {BPF_JMP | BPF_JEQ | BPF_K, (then) - (label) - 1, (otherwise) - (label) - 1, value}
#define IF_ANY_BIT(label, mask, then, otherwise)                                                   \
    [label] = {BPF_JMP | BPF_JSET | BPF_K, (then) - (label) - 1, (otherwise) - (label) - 1, mask}
#define KEEP_BITS(label, mask) [label] = {BPF_ALU | BPF_AND | BPF_K, 0, 0, mask}
#define RETURN(label, value) [label] = {BPF_RET | BPF_K, 0, 0, value}

#endif
