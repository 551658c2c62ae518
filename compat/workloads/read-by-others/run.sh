# Other programs, children too, read what /proc says of the program.
set -eu
start bash -c 'readlink /proc/$$/exe; tr "\0" "\n" </proc/$$/environ | grep ^HOME; ls /proc/$$/fd | head -1; wc -l </proc/$$/maps | grep -c .' 2>&1 || echo "exited with $?"
