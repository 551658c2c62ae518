/* Source: arch/arm64 start_thread(): all registers are 0. The jump uses ret, because br would need
 * a landing pad, which the kernel does not require. */
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
