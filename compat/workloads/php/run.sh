set -eu
start php self.php
start php -S 127.0.0.1:8080 page.php 2>/dev/null &
wait-for curl -sf http://127.0.0.1:8080/
curl -s 'http://127.0.0.1:8080/?n=7'
kill $!
