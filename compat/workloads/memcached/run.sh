set -eu
start memcached -l 127.0.0.1 -p 8080 -t 4 &
server=$!
wait-for sh -c "echo version | busybox nc -w 1 127.0.0.1 8080 | grep -q VERSION"
printf 'set key 0 0 5\r\nvalue\r\nget key\r\nincr n 1\r\nquit\r\n' | start busybox nc -w 5 127.0.0.1 8080 | tr -d '\r'
kill $server
wait $server || echo "exited with $?"
