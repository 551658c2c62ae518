set -eu
export UV_OFFLINE=1 UV_NO_INDEX=1 UV_FIND_LINKS=/srv/home UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
export UV_CACHE_DIR=/srv/tmp/cache
start uv venv -q --python /usr/bin/python3 venv
start uv pip install -q --python venv greeter
start venv/bin/greeter from its script
start uv pip list -q --python venv
start uv run -q --no-project --python venv python -c 'import greeter; greeter.main()'
start uv tool run -q --python /usr/bin/python3 --from greeter greeter from a tool | cut -d' ' -f1-4
