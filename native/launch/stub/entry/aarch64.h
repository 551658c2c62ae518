/* Source: arch/arm64 start_thread(): all registers are 0. ret, because br would have to meet a
 * landing pad where the kernel needs none. */
__asm__(".globl _start\n"
        "_start:\n"
        "    mov x0, sp\n"
        "    mov x19, sp\n"
        "    bl ph_start\n"
        "    mov x16, x0\n"
        "    mov sp, x19\n"
        "    mov x0, #0\n"
        "    mov x19, #0\n"
        "    mov x29, #0\n"
        "    mov x30, #0\n"
        "    ret x16\n");

long ph_map(uintptr_t address, uintptr_t length, int protection, int flags, long fd,
            uint64_t offset)
{
    register long x8 __asm__("x8") = SYS_mmap;
    register long x0 __asm__("x0") = (long)address;
    register uintptr_t x1 __asm__("x1") = length;
    register long x2 __asm__("x2") = protection;
    register long x3 __asm__("x3") = flags;
    register long x4 __asm__("x4") = fd;
    register uint64_t x5 __asm__("x5") = offset;

    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}
