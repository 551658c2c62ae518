set -eu
rustc -O -o dynamic self.rs
rustc -O -C target-feature=+crt-static -o static self.rs
