set -eu
start dumb-init sh -c 'echo below dumb-init; exit 6' || echo "exited with $?"
start dumb-init --rewrite 15:10 sh -c 'trap "echo rewritten; exit 3" USR1; kill -TERM $PPID; sleep 1 & wait' || echo "exited with $?"
start dumb-init --single-child env A=1 sh -c 'echo $A'
