# Builds a crate with a build script, runs its tests and its program.
set -eu
export CARGO_HOME=/srv/tmp/cargo CARGO_NET_OFFLINE=true
cd counter
start cargo build -q
start cargo run -q -- one two
start cargo test -q 2>&1 | grep -E '^(running|test result)' | sed 's/; finished.*//'
start cargo metadata -q --no-deps --format-version 1 | grep -o '"name":"counter"' | head -1
start cargo check -q --message-format short --bin counter
echo 'fn main() { missing(); }' >src/main.rs
start cargo build -q 2>&1 | grep -m1 '^error' || echo "exited with $?"
