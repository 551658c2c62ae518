# The program finds its core beside itself, starts itself, and saves itself as another program.
set -eu
start sbcl --noinform --no-userinit --script script.lisp
start sbcl --noinform --non-interactive --no-userinit --load save.lisp >/dev/null 2>&1
start ./saved one || echo "exited with $?"
