#!/bin/sh
# pipx.sh TOOL: install a tool of pipx so that each start of it is born hardened.
set -eu
pipx install "$1"
pipx inject "$1" process-hardening
"$(pipx environment --value PIPX_LOCAL_VENVS)/$1/bin/process-hardening" hook enable --execute-only
