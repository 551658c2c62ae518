set -eu
start lighttpd -D -f lighttpd.conf 2>log &
server=$!
wait-for curl -sf http://127.0.0.1:8080/page.txt
for i in 1 2 3; do curl -s http://127.0.0.1:8080/page.txt; done
kill -USR1 $server
wait-for sh -c 'test "$(grep -c "server started" log)" = 2'
wait-for curl -sf http://127.0.0.1:8080/page.txt
curl -s http://127.0.0.1:8080/page.txt
kill $server
wait $server || :  # soon after a restart it exits with 1, plain too
echo 'the server ended'
