"""Harden, then become the program of the arguments by exec."""

import os
import sys

import process_hardening as ph

ph.harden()
os.execv(sys.argv[1], sys.argv[1:])
