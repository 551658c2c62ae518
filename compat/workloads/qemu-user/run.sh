# Guests of the emulator: a static program, a dynamic one, a shell with children.
set -eu
start qemu-x86_64 ./static one two
start qemu-x86_64 /bin/echo dynamic
start qemu-x86_64 /bin/sh -c 'echo shell; /bin/echo child; exit 5' || echo "exited with $?"
