exec cc -g -o leaks leaks.c
