# Debian's shell wrapper, and its own binary, which starts itself for each of its processes.
set -eu
flags='--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-extensions --no-first-run
  --disable-background-networking --disable-component-update --disable-sync --virtual-time-budget=2000'
start chromium $flags --user-data-dir=/srv/tmp/one --dump-dom file:///srv/home/page.html 2>log
start /usr/lib/chromium/chromium $flags --user-data-dir=/srv/tmp/two --dump-dom file:///srv/home/page.html 2>log
start /usr/lib/chromium/chromium $flags --user-data-dir=/srv/tmp/two --print-to-pdf=page.pdf file:///srv/home/page.html 2>log
head -c 5 page.pdf
