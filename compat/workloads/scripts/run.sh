# Entry points as pip, pipx and uv write them: a Python script, and a shell script that becomes one.
set -eu
start venv/bin/greeter one
start 'with blank/bin/greeter' two
PATH=$PWD/venv/bin:$PATH
start greeter three
start env python -c 'import sys; print(sys.prefix, sys.executable)'
start venv/bin/pip --version | cut -d' ' -f1,3-
