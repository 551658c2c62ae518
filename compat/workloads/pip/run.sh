# Installs a wheel and a source tree, lists, freezes, uninstalls; no registry is asked.
set -eu
export PIP_NO_INDEX=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
start venv/bin/pip install -q --find-links . greeter
venv/bin/greeter installed
start venv/bin/python -m pip install -q --no-build-isolation ./source
venv/bin/python -c 'import built; print(built.VALUE)'
start venv/bin/pip freeze | sed 's/ @ .*//'
start venv/bin/pip show -f greeter | grep -A1 -E '^(Name|Version)'
start venv/bin/pip uninstall -q -y greeter
start venv/bin/pip check
start venv/bin/pip install -q no-such-package 2>&1 | tail -1 || echo "exited with $?"
