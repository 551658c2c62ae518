#!/bin/sh
# pipx.sh TOOL: install a tool with pipx so that it is born hardened at every start.
set -eu
pipx install "$1"
pipx inject "$1" process-hardening
"$(pipx environment --value PIPX_LOCAL_VENVS)/$1/bin/process-hardening" hook enable --execute-only
