"""As subject.c."""

import os
import signal
import sys


def on_term(*_: object) -> None:
    """Say so, and end."""
    os.write(1, b"term\n")
    os._exit(3)


def copy() -> None:
    """Write what is read."""
    while data := os.read(0, 4096):
        os.write(1, data)


mode = sys.argv[1]
if mode == "status":
    sys.exit(int(sys.argv[2]))
if mode == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
if mode == "wait":
    signal.signal(signal.SIGTERM, on_term)
    os.write(1, b"ready\n")
copy()
