/* Source: System V ABI, i386: edx is a function for atexit(3); ebp is 0. */
__asm__(".globl _start\n"
        "_start:\n"
        "    mov %esp, %esi\n"
        "    and $-16, %esp\n"
        "    sub $12, %esp\n"
        "    push %esi\n"
        "    call ph_start\n"
        "    mov %esi, %esp\n"
        "    xor %edx, %edx\n"
        "    xor %ebp, %ebp\n"
        "    xor %esi, %esi\n"
        "    jmp *%eax\n");
