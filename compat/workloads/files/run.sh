# Files: renames and links across folders, locks between processes, watches, sparse files, attributes.
set -eu
mkdir one two
start python3 files.py
start sh -c 'mv one/moved two/again; ln two/again one/linked; ln -s ../two/again one/symbolic; cat one/symbolic'
start install -m 640 two/again three
start stat -c '%a %h %s' three two/again
start truncate -s 1M sparse
start du -k sparse
start mkfifo pipe
start sh -c 'echo through a fifo >pipe & cat pipe'
start flock lock sh -c 'flock -n lock true || echo locked'
start sh -c 'mv two one/; find . -path "./one*" | sort'
