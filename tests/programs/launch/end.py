"""Ends in the way that its argument names."""

import atexit
import os
import signal
import sys
from collections.abc import Callable


def fail() -> None:
    """End with a traceback."""
    raise ValueError("x")


ENDS: dict[str, Callable[[], object]] = {
    "text": lambda: sys.exit("reason"),
    "status": lambda: sys.exit(9),
    "atexit": lambda: atexit.register(print, "bye"),
    "traceback": fail,
    "signal": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "_exit": lambda: os._exit(3),
    "name": lambda: print(__name__, __file__ == sys.argv[0]),
}
ENDS[sys.argv[1]]()
