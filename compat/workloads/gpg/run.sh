# Makes keys, which starts the agent; signs, verifies, encrypts.
set -eu
mkdir -m 700 .gnupg
gpg() { start gpg --batch --quiet --pinentry-mode loopback --passphrase '' "$@"; }
gpg --quick-generate-key 'A Name <name@example.org>' ed25519 sign never 2>/dev/null
fingerprint=$(gpg --list-keys --with-colons | awk -F: '/^fpr/ { print $10; exit }')
gpg --quick-add-key "$fingerprint" cv25519 encr never
echo text >file
gpg --detach-sign file
gpg --verify file.sig file 2>&1 | grep -o 'Good signature.*'
gpg --trust-model always -r name@example.org -e -o secret file
gpg -d secret
gpg --symmetric --passphrase word -o symmetric file
gpg --passphrase word -d symmetric
start gpgconf --list-dirs agent-socket
start gpg-connect-agent 'getinfo s2k_count' /bye | tail -1
start gpgconf --kill all
