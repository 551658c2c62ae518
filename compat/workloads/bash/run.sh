set -eu
start bash script.bash one 'two words' || echo "exited with $?"
start bash -c 'echo $BASH $0; exec -a other bash -c "echo \$0"'
printf 'echo from standard input; exit 4\n' | start bash || echo "exited with $?"
start bash -ic 'jobs; echo interactive' 2>/dev/null
start ./script.bash three
