set -eu
start zsh script.zsh one 'two words' || echo "exited with $?"
start zsh -fc 'print $ZSH_ARGZERO $0; exec zsh -fc "print again"'
start ./script.zsh three
