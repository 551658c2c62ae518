/* The seccomp filter of a confined program. It blocks what Landlock does not cover, in every ABI
 * that the kernel accepts. */
#ifndef PH_DOMAIN_FILTER_H
#define PH_DOMAIN_FILTER_H

#include "../core/platform/linux_filter.h"

/* The numbers of the calls for OTHER_ARCH, and of ioctl(2) for x32. Where an ABI has no fcntl64,
 * the number of fcntl is used for both. */
#if defined __x86_64__
#define OTHER_FCNTL 55
#define OTHER_FCNTL64 221
#define OTHER_PRLIMIT 340
#define OTHER_IOCTL 54
#define OTHER_PERF 336
#define OTHER_KEYCTL 288
#define OTHER_HANDLE 342
#elif defined __i386__
#define OTHER_FCNTL 72
#define OTHER_FCNTL64 72
#define OTHER_PRLIMIT 302
#define OTHER_IOCTL 16
#define OTHER_PERF 298
#define OTHER_KEYCTL 250
#define OTHER_HANDLE 304
#elif defined __aarch64__
#define OTHER_FCNTL 55
#define OTHER_FCNTL64 221
#define OTHER_PRLIMIT 369
#define OTHER_IOCTL 54
#define OTHER_PERF 364
#define OTHER_KEYCTL 311
#define OTHER_HANDLE 371
#elif defined __arm__
#define OTHER_FCNTL 25
#define OTHER_FCNTL64 25
#define OTHER_PRLIMIT 261
#define OTHER_IOCTL 29
#define OTHER_PERF 241
#define OTHER_KEYCTL 219
#define OTHER_HANDLE 265
#else
#define OTHER_FCNTL SYS_fcntl
#ifdef __s390x__
#define OTHER_FCNTL64 221
#else
#define OTHER_FCNTL64 SYS_fcntl
#endif
#define OTHER_PRLIMIT SYS_prlimit64
#define OTHER_IOCTL SYS_ioctl
#define OTHER_PERF SYS_perf_event_open
#define OTHER_KEYCTL SYS_keyctl
#define OTHER_HANDLE SYS_open_by_handle_at
#endif
#define X32_IOCTL 514
#define OWN_FCNTL SYS_fcntl
#ifdef SYS_fcntl64
#define OWN_FCNTL64 SYS_fcntl64
#else
#define OWN_FCNTL64 SYS_fcntl
#endif
#define OWN_PRLIMIT SYS_prlimit64
#define OWN_IOCTL SYS_ioctl
#define OWN_PERF SYS_perf_event_open
#define OWN_KEYCTL SYS_keyctl
#define OWN_HANDLE SYS_open_by_handle_at

/* include/uapi/asm-generic/fcntl.h, asm-generic/ioctls.h, linux/nsfs.h, linux/perf_event.h and
 * linux/keyctl.h. The size of a structure is in the upper half of a request, and the kernel accepts
 * several sizes for those of nsfs.h. */
#define COMMAND_SETSIG 10
#define REQUEST_TIOCSTI 0x5412
#define REQUEST_TIOCLINUX 0x541c
#define WITHOUT_SIZE 0xffffu
#define REQUEST_NEXT_NAMESPACE 0xb70b     /* NS_MNT_GET_NEXT */
#define REQUEST_PREVIOUS_NAMESPACE 0xb70c /* NS_MNT_GET_PREV */
#define PERF_CGROUP 4 /* PERF_FLAG_PID_CGROUP */
#define EVERY_PROCESS 0xffffffffu
#define OPERATION_SESSION_TO_PARENT 18

/* The labels and the instructions for the calls of an ABI, which is OWN or OTHER. */
#define CALL_LABELS(ABI)                                                                           \
    LOAD_##ABI##_CALL, ABI##_WITHOUT_X32, IS_##ABI##_PRLIMIT, IS_##ABI##_IOCTL,                    \
        IS_##ABI##_X32_IOCTL, IS_##ABI##_FCNTL, IS_##ABI##_FCNTL64, IS_##ABI##_PERF,               \
        IS_##ABI##_KEYCTL, IS_##ABI##_HANDLE
#define CALLS(ABI)                                                                                 \
    LOAD(LOAD_##ABI##_CALL, DATA_NR), KEEP_BITS(ABI##_WITHOUT_X32, ~X32_BIT),                      \
        IF_EQUAL(IS_##ABI##_PRLIMIT, ABI##_PRLIMIT, LOAD_PID, IS_##ABI##_IOCTL),                   \
        IF_EQUAL(IS_##ABI##_IOCTL, ABI##_IOCTL, LOAD_REQUEST, IS_##ABI##_X32_IOCTL),               \
        IF_EQUAL(IS_##ABI##_X32_IOCTL, X32_IOCTL, LOAD_REQUEST, IS_##ABI##_FCNTL),                 \
        IF_EQUAL(IS_##ABI##_FCNTL, ABI##_FCNTL, LOAD_COMMAND, IS_##ABI##_FCNTL64),                 \
        IF_EQUAL(IS_##ABI##_FCNTL64, ABI##_FCNTL64, LOAD_COMMAND, IS_##ABI##_PERF),                \
        IF_EQUAL(IS_##ABI##_PERF, ABI##_PERF, LOAD_OBSERVED, IS_##ABI##_KEYCTL),                   \
        IF_EQUAL(IS_##ABI##_KEYCTL, ABI##_KEYCTL, LOAD_OPERATION, IS_##ABI##_HANDLE),              \
        IF_EQUAL(IS_##ABI##_HANDLE, ABI##_HANDLE, DENY, ALLOW)

enum ph_domain_label {
    LOAD_ARCH, IS_ARCH, CALL_LABELS(OWN), IS_OTHER_ARCH, CALL_LABELS(OTHER),
    LOAD_PID, IS_SELF, LOAD_LIMIT, HAS_LIMIT, LOAD_LIMIT_HIGH, HAS_LIMIT_HIGH,
    LOAD_REQUEST, IS_TIOCSTI, IS_TIOCLINUX,
    REQUEST_WITHOUT_SIZE, IS_NEXT_NAMESPACE, IS_PREVIOUS_NAMESPACE,
    LOAD_COMMAND, IS_SETSIG, LOAD_SIGNAL, IS_DEFAULT_SIGNAL,
    LOAD_OBSERVED, IS_EVERY_PROCESS, LOAD_PERF_FLAGS, HAS_CGROUP,
    LOAD_OPERATION, IS_SESSION_TO_PARENT,
    DENY, ALLOW
};

/* Denies
 * - prlimit64(2) if it sets a limit of a process other than the caller: RLIMIT_CPU makes the kernel
 *   crash it, and RLIMIT_CORE lets it write a core. pid must be 0, because a filter cannot know
 *   the pid of its caller;
 * - ioctl(2) TIOCSTI and TIOCLINUX, which type into a terminal;
 * - fcntl(2) F_SETSIG, which chooses the signal that a file sends to its owner: the kernel sends it
 *   on behalf of whoever set the owner, so Landlock cannot block it. The default signal, 0, is
 *   allowed;
 * - perf_event_open(2) for every process: its samples show stacks and registers;
 * - keyctl(2) KEYCTL_SESSION_TO_PARENT, which replaces the session keyring of the parent, a process
 *   outside the domain: the caller could read what the parent puts into the new keyring;
 * - open_by_handle_at(2), which on Linux 6.18 opens namespaces for every user who owns them, through
 *   the root of nsfs and every descriptor of a namespace; and ioctl(2) NS_MNT_GET_NEXT and
 *   NS_MNT_GET_PREV, which do so on some older kernels. The caller could enter the containers of
 *   its user;
 * and every call of an architecture that linux_filter.h does not list. */
static const struct ph_bpf ph_domain_filter[] = {
    LOAD(LOAD_ARCH, DATA_ARCH),
    IF_EQUAL(IS_ARCH, ARCH, LOAD_OWN_CALL, IS_OTHER_ARCH),
    CALLS(OWN),
    IF_EQUAL(IS_OTHER_ARCH, OTHER_ARCH, LOAD_OTHER_CALL, DENY),
    CALLS(OTHER),

    LOAD(LOAD_PID, DATA_LOW_ARG(0)),
    IF_EQUAL(IS_SELF, 0, ALLOW, LOAD_LIMIT),
    LOAD(LOAD_LIMIT, DATA_LOW_ARG(2)),
    IF_EQUAL(HAS_LIMIT, 0, LOAD_LIMIT_HIGH, DENY),
    LOAD(LOAD_LIMIT_HIGH, DATA_HIGH_ARG(2)),
    IF_EQUAL(HAS_LIMIT_HIGH, 0, ALLOW, DENY),

    LOAD(LOAD_REQUEST, DATA_LOW_ARG(1)),
    IF_EQUAL(IS_TIOCSTI, REQUEST_TIOCSTI, DENY, IS_TIOCLINUX),
    IF_EQUAL(IS_TIOCLINUX, REQUEST_TIOCLINUX, DENY, REQUEST_WITHOUT_SIZE),
    KEEP_BITS(REQUEST_WITHOUT_SIZE, WITHOUT_SIZE),
    IF_EQUAL(IS_NEXT_NAMESPACE, REQUEST_NEXT_NAMESPACE, DENY, IS_PREVIOUS_NAMESPACE),
    IF_EQUAL(IS_PREVIOUS_NAMESPACE, REQUEST_PREVIOUS_NAMESPACE, DENY, ALLOW),

    LOAD(LOAD_COMMAND, DATA_LOW_ARG(1)),
    IF_EQUAL(IS_SETSIG, COMMAND_SETSIG, LOAD_SIGNAL, ALLOW),
    LOAD(LOAD_SIGNAL, DATA_LOW_ARG(2)),
    IF_EQUAL(IS_DEFAULT_SIGNAL, 0, ALLOW, DENY),

    LOAD(LOAD_OBSERVED, DATA_LOW_ARG(1)),
    IF_EQUAL(IS_EVERY_PROCESS, EVERY_PROCESS, DENY, LOAD_PERF_FLAGS),
    LOAD(LOAD_PERF_FLAGS, DATA_LOW_ARG(4)),
    IF_ANY_BIT(HAS_CGROUP, PERF_CGROUP, DENY, ALLOW),

    LOAD(LOAD_OPERATION, DATA_LOW_ARG(0)),
    IF_EQUAL(IS_SESSION_TO_PARENT, OPERATION_SESSION_TO_PARENT, DENY, ALLOW),

    RETURN(DENY, SECCOMP_RET_ERRNO | EPERM),
    RETURN(ALLOW, SECCOMP_RET_ALLOW),
};
static const struct ph_bpf_program ph_domain_program = {
    sizeof ph_domain_filter / sizeof *ph_domain_filter, ph_domain_filter};

#endif
