# Traces children of its own.
set -eu
start strace -qq -f -e trace=openat,execve -o trace sh -c 'cat run.sh >copy; exit 6' || echo "exited with $?"
grep -o 'execve("/usr/bin/cat"' trace
grep -o '"run.sh", O_RDONLY' trace
start strace -qq -c -o counts ./program
grep -c readlink counts
