exec cc -o program program.c
