# A debugger that starts a program of its own: a breakpoint, memory, a changed value, the status.
set -eu
export DEBUGINFOD_URLS=
start gdb -nx -q -batch -ex 'break twice' -ex run -ex 'print n' -ex 'set var n=20' -ex 'x/1dw &n' -ex continue \
    -ex 'print $_exitcode' ./program 2>&1 | grep -E '^(\$|Breakpoint|[0-9]+$|.*exited|0x.*:)' | sed 's/^0x[0-9a-f]*/ADDRESS/;s/process [0-9]*/process N/'
start sh -c 'gdb -nx -q -batch -ex starti -ex "info proc" -ex kill ./program 2>&1 | grep -c ^exe'
