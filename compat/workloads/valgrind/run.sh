# Another program below valgrind, whose errors must be the program's alone.
set -eu
start valgrind -q --leak-check=full --error-exitcode=9 ./leaks 2>log || echo "exited with $?"
sed 's/^==[0-9]*== //; s/0x[0-9A-F]*/ADDRESS/g; s/([^ ]*vgpreload[^ ]*)/(valgrind)/' log
start valgrind --tool=callgrind --callgrind-out-file=out ./leaks 2>/dev/null >/dev/null
grep -c '^fn=' out >/dev/null && echo counted
