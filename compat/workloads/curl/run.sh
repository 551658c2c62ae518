# A server, and programs that ask it.
set -eu
python3 -m http.server --bind 127.0.0.1 --directory pages 8080 >/dev/null 2>&1 &
wait-for curl -sf http://127.0.0.1:8080/page.txt
start curl -s http://127.0.0.1:8080/page.txt
start curl -sf http://127.0.0.1:8080/missing || echo "exited with $?"
start rsync -a pages/ copied/
start rsync -a -e "sh -c 'shift; exec \"\$@\"' sh" pages/ host:/srv/home/by-shell/
start tar -czf pages.tar.gz --sort=name --mtime=@0 pages
start tar -tzf pages.tar.gz
start gzip -k copied/page.txt
start openssl dgst -sha256 pages/page.txt
start openssl req -x509 -newkey ed25519 -nodes -keyout key -out certificate -subj /CN=localhost 2>/dev/null
start openssl verify -CAfile certificate certificate
start find pages -type f -exec sh -c 'echo "$1"' sh {} \;
