"""Confine this process, then become a program.

Usage: confined_itself.py PROGRAM [ARG...]
"""

from __future__ import annotations

import os
import sys

import process_hardening

process_hardening.confine()
os.execvp(sys.argv[1], sys.argv[1:])
