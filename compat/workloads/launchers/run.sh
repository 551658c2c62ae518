# Programs that become another.
set -eu
start env -u LANG A=1 sh -c 'echo ${LANG-none} $A'
start env -i /usr/bin/env | sort
start env -S'A=2 sh -c' 'echo $A'
start nice -n 5 nice
start timeout 10 sh -c 'exit 6' || echo "exited with $?"
start timeout -s TERM 0.2 sleep 10 || echo "exited with $?"
start nohup echo through nohup 2>/dev/null
start setsid -w sh -c 'echo in a session; exit 7' || echo "exited with $?"
printf '1\n2\n3\n' | start xargs -n1 -P2 echo | sort
start taskset -c 0 nproc
start chrt --batch 0 sh -c 'chrt -p $$ | head -1 | cut -d: -f2'
start ionice -c3 ionice
start prlimit --nofile=64 sh -c 'ulimit -n'
start stdbuf -oL sh -c 'echo ${LD_PRELOAD##*/}; printenv _STDBUF_O'
start script -qec 'test -t 1 && echo a terminal' /dev/null | tr -d '\r'
start flock lock echo locked
start time -f %x true 2>/dev/null || start bash -c 'TIMEFORMAT=; time true'
start sh -c 'exec sh -c "exec env sh -c \"exec echo the last of a chain\""'
start env env env missing 2>&1 || echo "exited with $?"
