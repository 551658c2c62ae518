set -eu
start tini -s -- sh -c 'echo below tini; exit 6' || echo "exited with $?"
start tini -s -g -- sh -c 'kill -TERM $PPID; sleep 5' || echo "exited with $?"
start tini -s -- sh -c '(sleep 0.2 &) ; sleep 0.4; echo reaped'
start tini -s -- env A=1 sh -c 'echo $A'
