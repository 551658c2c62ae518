set -eu
start tmux -L one -f /dev/null new-session -d -x 80 -y 24 'sh'
start tmux -L one send-keys 'echo $((6 * 7)) >made; echo; echo shown' Enter
wait-for test -s made
wait-for sh -c 'tmux -L one capture-pane -p | grep -q ^shown'
start tmux -L one capture-pane -p | grep '^shown'
start tmux -L one split-window 'sleep 30'
start tmux -L one list-panes -F '#{pane_index}'
start tmux -L one run-shell 'echo from the shell'
start tmux -L one set-buffer text \; show-buffer
start tmux -L one kill-server
cat made
