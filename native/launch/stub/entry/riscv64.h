/* Source: arch/riscv start_thread(): all registers are 0. */
__asm__(".globl _start\n"
        "_start:\n"
        "    mv a0, sp\n"
        "    mv s1, sp\n"
        "    call ph_start\n"
        "    mv t0, a0\n"
        "    mv sp, s1\n"
        "    li a0, 0\n"
        "    li s1, 0\n"
        "    li s0, 0\n"
        "    li ra, 0\n"
        "    jr t0\n");

long ph_map(uintptr_t address, uintptr_t length, int protection, int flags, long fd,
            uint64_t offset)
{
    register long a7 __asm__("a7") = SYS_mmap;
    register long a0 __asm__("a0") = (long)address;
    register uintptr_t a1 __asm__("a1") = length;
    register long a2 __asm__("a2") = protection;
    register long a3 __asm__("a3") = flags;
    register long a4 __asm__("a4") = fd;
    register uint64_t a5 __asm__("a5") = offset;

    __asm__ volatile("ecall"
                     : "+r"(a0)
                     : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
                     : "memory");
    return a0;
}
