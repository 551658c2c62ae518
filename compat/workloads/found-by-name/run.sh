# As root, as some tools read links that only root may read.
set -eu
cp "$(command -v sleep)" /srv/home/ph-program
user() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
user start /srv/home/ph-program 60 &
wait-for pgrep -x ph-program
user pgrep -c -x ph-program
user ps -o args= -C ph-program
user pidof -q ph-program && echo 'pidof finds its name'
pidof -q /srv/home/ph-program && echo 'pidof finds its path'
start-stop-daemon --status --exec /srv/home/ph-program && echo 'start-stop-daemon finds its path'
start-stop-daemon --status --name ph-program && echo 'start-stop-daemon finds its name'
process-hardening audit --name ph-program --json | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["processes"]))'
killall -w ph-program && echo 'killall ends it'
