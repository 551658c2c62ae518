#!/bin/bash
# Jobs, traps, pipes, process substitution, co-processes.
set -o pipefail
echo "$0 $# $2"
trap 'echo a trap' USR1
kill -USR1 $$
sleep 0.1 & wait $!; echo "job ended with $?"
false | true; echo "pipe ended with $?"
diff <(printf 'a\nb\n') <(printf 'a\nc\n')
coproc cat; echo through >&"${COPROC[1]}"; read -r line <&"${COPROC[0]}"; echo "$line"; kill "$COPROC_PID"
(exit 5); echo "subshell ended with $?"
[[ $# = 1 ]] || exit 6
