#!/usr/bin/zsh -f
# Modules, globs, pipes, traps.
zmodload zsh/datetime zsh/mathfunc zsh/system
print -r -- ${0:t} $# ${argv[2]-none} $(( int(sqrt(49)) ))
print -l *.sh(:r) | cat
diff <(print a) =(print b)
TRAPUSR1() { print a trap }
kill -USR1 $$
sleep 0.1 &
wait $!; print ended with $?
[[ $# = 1 ]] || exit 6
