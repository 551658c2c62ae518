# Programs that make a user namespace and write their own map.
set -eu
start unshare --user --map-root-user sh -c 'id -u; echo mapped' 2>&1 || echo "exited with $?"
start bwrap --ro-bind / / --unshare-all --dev /dev --proc /proc sh -c 'echo in a sandbox' 2>&1 || echo "exited with $?"
