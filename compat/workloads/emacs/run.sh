set -eu
start emacs -Q --batch --load script.el
start emacs -Q --batch --funcall batch-byte-compile greet.el 2>&1
start emacs -Q --batch --load greet.elc --eval '(greet)'
start emacs -Q --script greet.el --eval '(kill-emacs 5)' || echo "exited with $?"
