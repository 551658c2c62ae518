"""Run a program by popen_confined() of a process that is not confined itself.

Usage: confined_thread.py PROGRAM [ARG...]
"""

from __future__ import annotations

import sys

import process_hardening

sys.exit(process_hardening.popen_confined(sys.argv[1:]).wait())
