#!/bin/sh
# uv-tool.sh TOOL WHEEL: install a tool with uv so that it is born hardened at every start.
# WHEEL is that of process-hardening: `pip wheel --no-deps .` in a clone builds it.
set -eu
uv tool install --with "$2" "$1"
"$(uv tool dir)/$1/bin/process-hardening" hook enable --execute-only
