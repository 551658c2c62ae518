# Answers, reloads its configuration, becomes a new binary by USR2, answers.
set -eu
mkdir logs pages
echo 'first page' >pages/index.html
start /usr/sbin/nginx -p /srv/home -c nginx.conf -t 2>&1 | grep -v alert
start /usr/sbin/nginx -p /srv/home -c nginx.conf 2>/dev/null
wait-for curl -sf http://127.0.0.1:8080/
curl -s http://127.0.0.1:8080/
sed -i s/x-old/x-new/ nginx.conf
start /usr/sbin/nginx -p /srv/home -c nginx.conf -s reload 2>/dev/null
wait-for sh -c 'curl -si http://127.0.0.1:8080/ | grep -q x-new'
curl -si http://127.0.0.1:8080/ | tr -d '\r' | grep '^x-'
old=$(cat logs/pid)
kill -USR2 "$old"
wait-for test -s logs/pid.oldbin
kill -QUIT "$old"
wait-for sh -c '! test -e logs/pid.oldbin'
curl -s http://127.0.0.1:8080/
[ "$(cat logs/pid)" != "$old" ] && echo 'another process answers'
kill -QUIT "$(cat logs/pid)"
wait-for sh -c '! test -e logs/pid'
grep -c 'alert\|emerg' logs/error.log || echo 'no alerts'
