# erl is a shell script that becomes erlexec, which becomes the emulator, which starts helpers.
set -eu
start erl -noshell -eval 'io:format("~p~n", [lists:sum(lists:seq(1, 100))]), halt().'
start escript script.escript one two || echo "exited with $?"
start erlc module.erl
start erl -noshell -s module run
