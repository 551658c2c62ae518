#!/bin/sh
# pipx.sh TOOL WHEEL: install a tool with pipx so that it is born hardened at every start.
# WHEEL is that of process-hardening: `pip wheel --no-deps .` in a clone builds it.
set -eu
pipx install "$1"
pipx inject "$1" "$2"
"$(pipx environment --value PIPX_LOCAL_VENVS)/$1/bin/process-hardening" hook enable --execute-only
