set -eu
start nvim -u NONE -es -S script.vim edited
cat edited messages
