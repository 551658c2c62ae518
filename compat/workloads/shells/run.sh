# The same script in four shells.
set -eu
for shell in dash ksh93 mksh 'busybox sh'; do
    command -v ${shell%% *} >/dev/null
    start $shell script.sh one 'two words' || echo "exited with $?"
done
