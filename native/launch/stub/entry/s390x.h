/* Source: s390x ABI: r15 is the stack pointer. A function expects 160 bytes for its use at that
 * address, which the kernel does not reserve when it starts a program. */
__asm__(".globl _start\n"
        "_start:\n"
        "    lgr %r2, %r15\n"
        "    lgr %r11, %r15\n"
        "    aghi %r15, -160\n"
        "    xc 0(8,%r15), 0(%r15)\n"
        "    brasl %r14, ph_start\n"
        "    lgr %r1, %r2\n"
        "    lgr %r15, %r11\n"
        "    lghi %r2, 0\n"
        "    lghi %r11, 0\n"
        "    lghi %r14, 0\n"
        "    br %r1\n");
