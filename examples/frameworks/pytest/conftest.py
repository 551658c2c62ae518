"""Harden the test process and each worker of pytest-xdist, before a test loads a secret."""

import process_hardening

process_hardening.pre_main_hardening()

pytest_plugins = ["process_hardening.pytest_plugin"]  # for assert_hardened
