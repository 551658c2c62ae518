#!/bin/sh
# uv-tool.sh TOOL SOURCE WHEEL: install a tool with uv so that it is born hardened at every start.
# SOURCE is its wheel or folder, or its name on an index. WHEEL is that of process-hardening:
# `pip wheel --no-deps .` in a clone builds it.
set -eu
uv tool install --with "$3" "$2"
"$(uv tool dir)/$1/bin/process-hardening" hook enable --execute-only
