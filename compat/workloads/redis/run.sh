set -eu
start redis-server --port 0 --unixsocket /srv/home/redis.sock --save '' --appendonly yes >log &
server=$!
wait-for redis-cli -s redis.sock ping
redis() { start redis-cli -s redis.sock "$@"; }
redis set key value
redis incrby counter 41
redis incr counter
redis eval 'return redis.call("get", KEYS[1]) .. "!"' 1 key
redis bgsave
wait-for sh -c 'redis-cli -s redis.sock info persistence | grep -q rdb_bgsave_in_progress:0'
start redis-check-rdb dump.rdb | grep -o 'RDB looks OK.*'
redis config get enable-debug-command | tail -1
redis shutdown nosave
wait $server && echo 'the server exited with 0'
start redis-benchmark --help >/dev/null || echo "exited with $?"
