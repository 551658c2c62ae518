/* The seccomp filter of PH_SEAL. */
#ifndef PH_LINUX_SEAL_H
#define PH_LINUX_SEAL_H

#include "linux_filter.h"

#include <sys/prctl.h>

/* The call numbers of prctl(2) for ARCH and OTHER_ARCH. */
#if defined __x86_64__
#define ALSO_PRCTL (X32_BIT + SYS_prctl)
#define OTHER_PRCTL 172
#elif defined __i386__
#define OTHER_PRCTL 157
#define OTHER_ALSO_PRCTL (X32_BIT + OTHER_PRCTL)
#elif defined __aarch64__
#define OTHER_PRCTL 172
#elif defined __arm__
#define OTHER_PRCTL 167
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

enum ph_seal_label {
    LOAD_ARCH, IS_ARCH,
    LOAD_CALL, IS_PRCTL, IS_ALSO_PRCTL,
    IS_OTHER_ARCH, LOAD_OTHER_CALL, IS_OTHER_PRCTL, IS_OTHER_ALSO_PRCTL,
    LOAD_OPTION, IS_SET_DUMPABLE, LOAD_VALUE, IS_ZERO,
    DENY, ALLOW
};

/* Denies prctl(PR_SET_DUMPABLE, value) unless value is 0, and every system call of an architecture
 * other than ARCH and OTHER_ARCH. */
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
