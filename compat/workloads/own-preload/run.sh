# Programs whose wrapper loads a library into them: jemalloc, libfaketime.
set -eu
start faketime '2001-02-03 04:05:06' date +%F
start faketime '2001-02-03 04:05:06' sh -c 'date +%F; exec date +%Y'
start sh -c 'LD_PRELOAD=libjemalloc.so.2 exec env -u LD_PRELOAD grep -c jemalloc /proc/self/maps' || echo "exited with $?"
start sh -c 'LD_PRELOAD=libjemalloc.so.2 exec python3 -c "print(open(\"/proc/self/maps\").read().count(\"jemalloc\") > 0)"' 2>&1 || echo "exited with $?"
