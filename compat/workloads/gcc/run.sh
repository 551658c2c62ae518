set -eu
start gcc -O2 -flto -Wall -o program program.c
./program
start gcc -static -pipe -o static program.c
./static
start gcc -fsyntax-only wrong.c 2>&1 || echo "exited with $?"
start gcc -print-prog-name=cc1
start as --version | head -1
start gcc -c program.c
start ld -r -o joined.o program.o
start nm joined.o
start objdump -d joined.o | grep -c call
start ar rcD libprogram.a program.o
start ar t libprogram.a
start make -s -j2 -f rules.mk all
