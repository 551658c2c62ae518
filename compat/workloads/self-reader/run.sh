set -eu
start ./appimage 2>&1
start ./self-extracting
