# Answers requests, starts itself again by USR2, answers again.
set -eu
start php-fpm8.2 -F -y php-fpm.conf 2>log &
master=$!
wait-for test -S fpm.sock
python3 ask.py page.php
kill -USR2 $master
wait-for grep -q 'using inherited socket' fpm.log
wait-for python3 ask.py page.php
python3 ask.py page.php
[ "$(cat fpm.pid)" = $master ] && echo 'the master has its pid'
kill -QUIT $master
wait $master && echo 'the master exited with 0'
