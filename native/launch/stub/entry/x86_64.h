/* Source: System V ABI, AMD64, "Process Initialization": rdx is a function for atexit(3), rbp 0. */
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

long ph_map(uintptr_t address, uintptr_t length, int protection, int flags, long fd,
            uint64_t offset)
{
    register long r10 __asm__("r10") = flags;
    register long r8 __asm__("r8") = fd;
    register uint64_t r9 __asm__("r9") = offset;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(SYS_mmap), "D"(address), "S"(length), "d"((long)protection), "r"(r10),
                       "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
