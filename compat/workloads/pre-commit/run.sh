# Hooks of the repository itself: some pass, one is confined, one fails.
set -eu
export PRE_COMMIT_HOME=/srv/tmp/cache GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
export GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0=user.name GIT_CONFIG_VALUE_0=n GIT_CONFIG_KEY_1=user.email GIT_CONFIG_VALUE_1=e
git init -q project
cp pre-commit-config.yaml project/.pre-commit-config.yaml
cd project
git add .
start pre-commit install
echo text >file
git add file
SKIP=reject start pre-commit run | grep -v duration
start pre-commit run --all-files reject || echo "exited with $?"
start git commit -q -m one >log 2>&1 || echo "exited with $?"
grep -v duration log
SKIP=reject start git commit -q -m one >log 2>&1
grep -v duration log
git log --format='%h %s'
start pre-commit uninstall
