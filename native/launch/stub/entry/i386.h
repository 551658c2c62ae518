/* Source: System V ABI, i386: edx is a function for atexit(3), ebp 0. The old mmap(2) takes the
 * address of its arguments, which leaves ebp alone. */
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

long ph_map(uintptr_t address, uintptr_t length, int protection, int flags, long fd,
            uint64_t offset)
{
    const uintptr_t arguments[] = {address,          length,        (uintptr_t)protection,
                                   (uintptr_t)flags, (uintptr_t)fd, (uintptr_t)offset};

    return offset >> 32 ? -75 /* EOVERFLOW */ : ph_syscall(90, (long)arguments, 0, 0, 0, 0);
}
