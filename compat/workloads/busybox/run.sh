# The static program with its applets; its shell runs them by starting itself.
set -eu
printf 'b\na\n' | start busybox sort
start busybox sh script.sh
ln -s "$(command -v busybox)" cut
echo 1:2:3 | start ./cut -d: -f2
start busybox httpd -f -p 127.0.0.1:8080 -h pages &
wait-for busybox wget -q -O - http://127.0.0.1:8080/page.txt
start busybox wget -q -O - http://127.0.0.1:8080/page.txt
kill $!
start busybox timeout 1 sleep 10 || echo "exited with $?"
start busybox env -i A=1 busybox env
