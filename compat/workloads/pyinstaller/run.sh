# The boot loader of onefile unpacks itself and starts itself; that of onedir becomes itself again.
set -eu
start dist/onefile one
start dist/onedir/onedir one
