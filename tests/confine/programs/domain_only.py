"""Become a program in a Landlock domain, and nothing else that `confine` does.

Usage: domain_only.py PROGRAM [ARG...]. Source: landlock_create_ruleset(2).
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys

CREATE_RULESET, RESTRICT_SELF = 444, 446
MAKE_BLOCK = 1 << 11
PR_SET_NO_NEW_PRIVS = 38

libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
ruleset = libc.syscall(CREATE_RULESET, struct.pack("=Q", MAKE_BLOCK), 8, 0)
if ruleset < 0 or libc.syscall(RESTRICT_SELF, ruleset, 0):
    sys.exit(f"Landlock: {os.strerror(ctypes.get_errno())}")
os.execv(sys.argv[1], sys.argv[1:])
