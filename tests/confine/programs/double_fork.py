"""Run a program as a daemon starts: in a process whose parent has ended.

Usage: double_fork.py PROGRAM [ARG...]. Prints what the program prints.
"""

from __future__ import annotations

import os
import sys

read, write = os.pipe()
if not os.fork():
    os.setsid()
    if os.fork():
        os._exit(0)
    os.dup2(write, 1)
    os.close(write)
    os.execvp(sys.argv[1], sys.argv[1:])
os.close(write)
os.wait()
with os.fdopen(read, "rb") as file:  # until the program ends
    os.write(1, file.read())
