cat >.gitconfig <<EOF
[user]
	name = A Name
	email = name@example.org
[init]
	defaultBranch = main
[advice]
	detachedHead = false
EOF
