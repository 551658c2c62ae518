# Pools of every start method, shared memory, a manager, a process that is terminated.
set -eu
for method in fork spawn forkserver; do
    start python3 pools.py $method
done
start python3 -m concurrent_pool
