#!/bin/sh
# pipx.sh TOOL SOURCE WHEEL: install a tool with pipx so that it is born hardened at every start.
# SOURCE is its wheel or folder, or its name on an index. WHEEL is that of process-hardening:
# `pip wheel --no-deps .` in a clone builds it.
set -eu
pipx install "$2"
pipx inject "$1" "$3"
"$(pipx environment --value PIPX_LOCAL_VENVS)/$1/bin/process-hardening" hook enable --execute-only
