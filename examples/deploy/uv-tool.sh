#!/bin/sh
# uv-tool.sh TOOL: install a tool of uv so that each start of it is born hardened.
set -eu
uv tool install --with process-hardening "$1"
"$(uv tool dir)/$1/bin/process-hardening" hook enable --execute-only
