# Answers, with a CGI program too; reloads by a graceful restart.
set -eu
mkdir logs
start apache2 -d /srv/home -f apache.conf -t 2>&1 | grep -v AH00558
start apache2 -d /srv/home -f apache.conf 2>/dev/null
wait-for curl -sf http://127.0.0.1:8080/page.txt
curl -s http://127.0.0.1:8080/page.txt http://127.0.0.1:8080/cgi-bin/program.sh?n=3
start apache2 -d /srv/home -f apache.conf -k graceful 2>/dev/null
wait-for grep -q 'resuming normal operations' logs/error
for i in 1 2 3 4 5; do curl -s http://127.0.0.1:8080/page.txt; done
start apache2 -d /srv/home -f apache.conf -k stop 2>/dev/null
wait-for sh -c '! test -e logs/pid'
grep -c 'page.txt' logs/access
