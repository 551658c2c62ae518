/* System calls without libc: a preloaded library can replace libc's syscall(2). They return what
 * the kernel returns: a negative errno value is an error.
 *
 * A seccomp filter may answer for the kernel, but only with an error or with 0: it cannot return
 * other numbers or write memory. The cross-checks rely on that. A supervisor
 * (SECCOMP_RET_USER_NOTIF) can do both; see SECURITY.md. */
#ifndef PH_LINUX_SYSCALL_H
#define PH_LINUX_SYSCALL_H

#include <sys/syscall.h>

static inline long ph_syscall6(long number, long a, long b, long c, long d, long e, long f)
{
#if defined __x86_64__ && !defined __ILP32__
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#elif defined __i386__
    long result;

    /* The sixth argument goes into ebp, which may be the frame pointer. */
    __asm__ volatile("pushl %7; push %%ebp; mov 4(%%esp), %%ebp; int $0x80; pop %%ebp; add $4, %%esp"
                     : "=a"(result)
                     : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), "g"(f)
                     : "memory");
    return result;
#elif defined __aarch64__
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;

    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#elif defined __arm__
    register long r7 __asm__("r7") = number;
    register long r0 __asm__("r0") = a;
    register long r1 __asm__("r1") = b;
    register long r2 __asm__("r2") = c;
    register long r3 __asm__("r3") = d;
    register long r4 __asm__("r4") = e;
    register long r5 __asm__("r5") = f;

    __asm__ volatile("svc 0"
                     : "+r"(r0)
                     : "r"(r7), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5)
                     : "memory");
    return r0;
#elif defined __riscv && __riscv_xlen == 64
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    register long a4 __asm__("a4") = e;
    register long a5 __asm__("a5") = f;

    __asm__ volatile("ecall"
                     : "+r"(a0)
                     : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
                     : "memory");
    return a0;
#elif defined __s390x__
    register long r1 __asm__("1") = number;
    register long r2 __asm__("2") = a;
    register long r3 __asm__("3") = b;
    register long r4 __asm__("4") = c;
    register long r5 __asm__("5") = d;
    register long r6 __asm__("6") = e;
    register long r7 __asm__("7") = f;

    __asm__ volatile("svc 0"
                     : "+d"(r2)
                     : "d"(r1), "d"(r3), "d"(r4), "d"(r5), "d"(r6), "d"(r7)
                     : "memory");
    return r2;
#else
#error "no system call for this architecture: see syscall(2), Architecture calling conventions"
#endif
}

/* Most calls have no sixth argument. */
static inline long ph_syscall(long number, long a, long b, long c, long d, long e)
{
    return ph_syscall6(number, a, b, c, d, e, 0);
}

/* The same, but with up to six arguments, which may be pointers. */
#define PH_CALL(...) PH_CALL_WITH(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define PH_CALL_WITH(number, a, b, c, d, e, f, ...)                                                \
    ph_syscall6(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

#endif
