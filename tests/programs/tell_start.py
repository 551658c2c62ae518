"""Prints how it was started. With "hide" it first makes its interpreter and itself unreadable."""

import ctypes
import os
import sys

PR_SET_DUMPABLE = 4
if sys.argv[1:] == ["hide"]:
    os.chmod(os.readlink("/proc/self/exe"), 0o111)
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)

from process_hardening import _native  # noqa: E402 (it looks when it is imported)

print(_native.STARTED)
