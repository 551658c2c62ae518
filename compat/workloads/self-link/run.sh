# Opens the link /proc/self/exe itself, not the file that it names.
start head -c 4 /proc/self/exe 2>&1 | cut -c 2-4
