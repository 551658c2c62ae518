set -eu
start fish script.fish one 'two words' || echo "exited with $?"
start fish -c 'status fish-path; exec fish -c "echo again"'
