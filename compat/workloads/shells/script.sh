echo "$# $2"
printf 'b\na\n' | sort
trap 'echo a trap' USR1
kill -USR1 $$
sleep 0.1 &
wait $!
echo "ended with $?"
exit 6
