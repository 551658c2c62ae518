# Functions, pipes, substitutions, starting itself by its own path.
function square; math $argv[1] x $argv[1]; end
echo (status basename) (count $argv) $argv[2]
square 7 | string replace 9 nine
for i in 1 2 3; echo $i; end | sort -r
sleep 0.1 &
wait
set -l self (status fish-path)
$self -c 'echo from itself'
exit 6
