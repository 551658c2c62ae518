# Programs whose runtime must come first among the libraries.
set -eu
start ./checked
start ./checked 4 2>log || echo "exited with $?"
grep -o 'heap-buffer-overflow' log | head -1
start sh -c './checked; ./checked 4 2>log || echo "exited with $?"'
