/* Source: System V ABI, AMD64, "Process Initialization": rdx is a function for atexit(3); rbp
 * is 0. */
__asm__(".globl _start\n"
        "_start:\n"
        "    mov %rsp, %rdi\n"
        "    mov %rsp, %rbx\n"
        "    and $-16, %rsp\n"
        "    call ph_start\n"
        "    mov %rbx, %rsp\n"
        "    xor %edx, %edx\n"
        "    xor %ebp, %ebp\n"
        "    xor %ebx, %ebx\n"
        "    jmp *%rax\n");
