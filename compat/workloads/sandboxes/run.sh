# A program whose children make a user namespace each.
set -eu
start sh -c '
    unshare --user --map-root-user sh -c "id -u; echo mapped"
    unshare --user --map-root-user --mount sh -c "mount -t tmpfs none /mnt && touch /mnt/file && ls /mnt"
    bwrap --ro-bind / / --unshare-all --dev /dev --proc /proc sh -c "echo in a sandbox"
' 2>&1
