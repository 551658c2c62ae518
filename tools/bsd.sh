#!/bin/sh
# What .github/workflows/wheels.yml runs in a virtual machine of FreeBSD, OpenBSD or NetBSD.
set -eu
cmake -S . -B build/tests -G Ninja -DPROCESS_HARDENING_TESTS=ON -DPROCESS_HARDENING_WERROR=ON
cmake --build build/tests
ctest --test-dir build/tests --output-on-failure
python3 -m venv --system-site-packages build/venv
build/venv/bin/python -m pip install .
build/venv/bin/python tools/smoke.py
