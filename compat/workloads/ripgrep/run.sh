set -eu
start rg --sort path -n 'needle' texts
start rg --sort path -c . texts
start rg absent texts || echo "exited with $?"
start rg --pre ./upper NEEDLE texts --sort path
