# uvx finds uv beside its own path and becomes it.
set -eu
export UV_OFFLINE=1 UV_NO_INDEX=1 UV_FIND_LINKS=/srv/home UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
export UV_CACHE_DIR=/srv/tmp/cache
start uvx -q --python /usr/bin/python3 greeter from a tool | cut -d' ' -f1-4
start uvx --version | cut -d' ' -f1
