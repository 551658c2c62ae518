# What a confined program may not do to another process. $PPID is timeout(1), of the same user.
set -u
start sh -c 'kill -0 $1' sh $PPID 2>/dev/null && echo 'sends a signal' || echo 'sends no signal'
start head -c 0 /proc/$PPID/environ 2>/dev/null && echo 'reads an environment' || echo 'reads no environment'
start readlink /proc/$PPID/exe || echo 'reads no link'
start readlink /proc/$PPID/fd/0 || echo 'reads no descriptor'
start gdb -nx -q -batch -p $PPID >log 2>&1; grep -q 'not permitted' log && echo 'attaches not' || echo 'attaches'
# Everybody may know these.
start ps -o comm= -p $PPID
start sh -c 'tr "\0" " " </proc/$1/cmdline | cut -d" " -f1' sh $PPID
true
