# Without a PATH each of these is the shell itself, started again.
PATH=
seq 3 | tac
readlink /proc/self/exe
echo text | sha256sum
busybox echo "$(basename "$0")"
