set -eu
start ruby self.rb
start ruby -e 'exit 7' || echo "exited with $?"
start erb page.erb
