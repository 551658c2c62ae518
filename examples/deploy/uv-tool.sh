#!/bin/sh
# uv-tool.sh TOOL: install a tool with uv so that it is born hardened at every start.
set -eu
uv tool install --with process-hardening "$1"
"$(uv tool dir)/$1/bin/process-hardening" hook enable --execute-only
