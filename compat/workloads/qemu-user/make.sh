exec cc -static -o static program.c
