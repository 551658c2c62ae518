# Commits with hooks, a clone, a push, a rebase, a clean-up. Dates are fixed, so all hashes are equal.
set -eu
export GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
start git init -q --bare central.git
cp hook central.git/hooks/post-receive
start git clone -q central.git work 2>/dev/null
cd work
cp ../hook .git/hooks/pre-commit
cp ../hook .git/hooks/commit-msg
for i in 1 2 3; do
    echo "line $i" >>file
    start git add file
    start git commit -q -m "change $i"
done
start git push -q origin main
start git checkout -q -b branch HEAD~1
echo other >other
start git add other
start git commit -q -m other
start git rebase -q main
start git log --format='%h %s %an'
start git -c alias.hello='!echo alias' hello
start git gc -q
start git fsck
start git submodule status
GIT_EDITOR="sed -i s/other/edited/" start git commit -q --amend
start git show --stat --format=%s
start git grep -n line HEAD
start git bisect start HEAD HEAD~3 >/dev/null
start git bisect run false | tail -1
