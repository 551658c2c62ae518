exec cc -fsanitize=address -g -o checked checked.c
