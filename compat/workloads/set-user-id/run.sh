# Programs that start with the rights of their file's owner.
set -u
start sh -c 'sudo -n true' 2>&1
start sh -c 'passwd -S compat' 2>&1
start sh -c 'newgrp root </dev/null' 2>&1 | head -1
true
