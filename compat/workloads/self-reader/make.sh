set -eu
cc -o reader reader.c
cat reader payload >appimage
cat unpack.sh payload >self-extracting
chmod +x appimage self-extracting
