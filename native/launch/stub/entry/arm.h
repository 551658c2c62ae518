/* Source: arch/arm start_thread(): all registers are 0; bx takes the lowest bit for Thumb.
 * mmap2(2) counts in units of 4096 bytes. */
__asm__(".globl _start\n"
        ".type _start, %function\n"
        "_start:\n"
        "    mov r0, sp\n"
        "    mov r4, sp\n"
        "    bic r1, r4, #7\n"
        "    mov sp, r1\n"
        "    bl ph_start\n"
        "    mov r12, r0\n"
        "    mov sp, r4\n"
        "    mov r0, #0\n"
        "    mov r4, #0\n"
        "    mov r11, #0\n"
        "    mov lr, #0\n"
        "    bx r12\n");

long ph_map(uintptr_t address, uintptr_t length, int protection, int flags, long fd,
            uint64_t offset)
{
    register long r7 __asm__("r7") = SYS_mmap2;
    register long r0 __asm__("r0") = (long)address;
    register uintptr_t r1 __asm__("r1") = length;
    register long r2 __asm__("r2") = protection;
    register long r3 __asm__("r3") = flags;
    register long r4 __asm__("r4") = fd;
    register uintptr_t r5 __asm__("r5") = (uintptr_t)(offset >> 12);

    __asm__ volatile("svc 0"
                     : "+r"(r0)
                     : "r"(r7), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5)
                     : "memory");
    return r0;
}
