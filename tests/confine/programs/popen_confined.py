"""Run a program by popen_confined().

Usage: popen_confined.py PROGRAM [ARG...]
"""

from __future__ import annotations

import sys

import process_hardening

sys.exit(process_hardening.popen_confined(sys.argv[1:]).wait())
