# What the filter cannot tell from an attack: limits set by number, and the signal of a descriptor.
set -u
start sh -c 'prlimit --pid $$ --nofile=64 && ulimit -n' 2>/dev/null || echo "exited with $?"
start sh -c 'ulimit -n 64; ulimit -n'
start prlimit --nofile=64 sh -c 'ulimit -n'
start python3 -c 'import fcntl, os, signal
reader, writer = os.pipe()
print(fcntl.fcntl(reader, fcntl.F_SETSIG, signal.SIGUSR1))' 2>&1 | tail -1
