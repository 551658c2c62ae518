"""Own a socket, whose signals are SIGIO, and share it with a program that chooses SIGSEGV.

Usage: socket_owner.py [PREFIX...]. Prints whether the program was refused, and then the signal.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys

CHOOSE = """
import fcntl, os, signal, sys
ours, theirs = map(int, sys.argv[1:])
try:
    fcntl.fcntl(ours, fcntl.F_SETSIG, 0)  # the default stays allowed
    fcntl.fcntl(ours, fcntl.F_SETSIG, signal.SIGSEGV)
except PermissionError:
    print("refused", flush=True)
os.write(theirs, b"x")
"""

signal.signal(signal.SIGIO, lambda *_: print("SIGIO", flush=True))
ours, theirs = socket.socketpair()
fcntl.fcntl(ours, fcntl.F_SETOWN, os.getpid())
fcntl.fcntl(ours, fcntl.F_SETFL, os.O_ASYNC)
descriptors = (ours.fileno(), theirs.fileno())
argv = [*sys.argv[1:], sys.executable, "-S", "-c", CHOOSE, *map(str, descriptors)]
subprocess.run(argv, pass_fds=descriptors, check=True)
