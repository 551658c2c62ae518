# The server becomes its own program again by exec.
set -eu
start redis-server --port 0 --unixsocket /srv/home/redis.sock --enable-debug-command yes >log &
server=$!
wait-for redis-cli -s redis.sock ping
redis-cli -s redis.sock set key value
redis-cli -s redis.sock save
redis-cli -s redis.sock debug restart 2>&1 | head -1
wait-for sh -c 'test "$(redis-cli -s redis.sock get key)" = value'
redis-cli -s redis.sock info server | tr -d '\r' | grep ^executable:
redis-cli -s redis.sock info server | tr -d '\r' | grep -c "^process_id:$server\$"
redis-cli -s redis.sock shutdown
wait $server && echo 'the server exited with 0'
