# The program finds its BIOS beside its own path, boots a sector, and ends with what that writes.
set -eu
start qemu-system-x86_64 -accel tcg -display none -monitor none -serial stdio -net none \
    -drive file=disk,format=raw -device isa-debug-exit,iobase=0x501,iosize=1 || echo "exited with $?"
start qemu-system-x86_64 -machine help | grep -c '^q35 '
start qemu-img create -q -f qcow2 image 1M
start qemu-img info image | head -2
