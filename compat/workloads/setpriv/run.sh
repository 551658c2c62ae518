set -eu
start setpriv --no-new-privs sh -c 'grep NoNewPrivs /proc/self/status'
start setpriv --pdeathsig TERM sh -c 'echo $0'
start setpriv --dump | head -3
start setpriv --reset-env env | sort
start setpriv --inh-caps=-all sh -c 'exit 6' || echo "exited with $?"
