"""Trace a process, and leave each of its children stopped that the kernel attaches to us.

Usage: keeping_tracer.py PID
"""

from __future__ import annotations

import ctypes
import os
import sys

PTRACE_SEIZE = 0x4206  # <linux/ptrace.h>
WALL = 0x40000000  # <linux/wait.h>


def main() -> None:
    """Wait for every tracee, as a debugger does, and for ever."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(PTRACE_SEIZE, int(sys.argv[1]), None, None):
        sys.exit(os.strerror(ctypes.get_errno()))
    while True:
        os.waitpid(-1, WALL)


if __name__ == "__main__":
    main()
