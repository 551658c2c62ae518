set -eu
start vim -Nu NONE -es -S script.vim edited
cat edited messages
