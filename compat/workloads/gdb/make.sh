cc -g -O0 -o program program.c
