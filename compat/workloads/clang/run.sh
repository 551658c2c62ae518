# The compiler starts itself for each file; assembler and linker are others.
set -eu
start clang -O2 -Wall -o program program.c
./program
start clang -c -g -emit-llvm -S -o program.ll program.c
grep -c '^define' program.ll
start clang -print-resource-dir
start clang -fsyntax-only wrong.c 2>&1 || echo "exited with $?"
start clang -### program.c 2>&1 | grep -o '"[^"]*clang[^"]*" "-cc1"'
