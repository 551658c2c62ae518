# sshd on a local port starts itself again for each connection.
set -eu
mkdir -p -m 700 .ssh
start ssh-keygen -q -t ed25519 -N '' -f host
start ssh-keygen -q -t ed25519 -N '' -f .ssh/id_ed25519
cp .ssh/id_ed25519.pub .ssh/authorized_keys
start /usr/sbin/sshd -D -f /srv/home/sshd_config -E /srv/home/sshd.log &
server=$!
wait-for ssh -F ssh_config local true
start ssh -F ssh_config local 'echo "$0 as $(id -un)"; exit 7' || echo "exited with $?"
printf 'through a pipe\n' | start ssh -F ssh_config local cat
start scp -q -F ssh_config ssh_config local:copied
start sftp -q -F ssh_config -b commands local >/dev/null
ls uploads
kill -HUP $server
wait-for sh -c 'test "$(grep -c "Server listening" sshd.log)" = 2'
start ssh -F ssh_config local echo after HUP
# The agent is a set-group-ID program: below another program it is started as ever.
start sh -c 'ssh-agent sh -c "ssh-add -q .ssh/id_ed25519 && ssh-add -l" | cut -d" " -f1,4'
kill $server
