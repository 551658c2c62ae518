set -eu
start ./dynamic
start ./static
start rustc -o again self.rs
./again child || echo "exited with $?"
