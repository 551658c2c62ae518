/* Compiled with the paths of the two programs. */
#define EMBED(symbol, file)                                                                        \
    __asm__(".section .rodata\n"                                                                   \
            ".balign 16\n"                                                                         \
            ".globl " symbol "\n" symbol ":\n"                                                     \
            ".incbin \"" file "\"\n"                                                               \
            ".globl " symbol "_end\n" symbol "_end:\n"                                             \
            ".byte 0\n"                                                                            \
            ".previous\n")

EMBED("ph_stub", PH_STUB_FILE);
EMBED("ph_namespace", PH_NAMESPACE_FILE);
