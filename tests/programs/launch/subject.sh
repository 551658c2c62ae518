#!/bin/sh
# As subject.c.
case $1 in
status) exit "$2" ;;
kill) kill -KILL $$ ;;
copy) cat ;;
wait)
  trap 'echo term; exit 3' TERM
  echo ready
  while read -r line; do
    echo "$line"
  done
  ;;
esac
