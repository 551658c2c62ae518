"""Ends in the way that its argument names."""

import atexit
import os
import signal
import sys
from collections.abc import Callable


def fail() -> None:
    """End with a traceback."""
    raise ValueError("x")


def fail_to_harden() -> None:
    """End with an exception that `run` itself handles, too."""
    from process_hardening import HardeningError

    raise HardeningError(1, "x", "seal", 5)


def interrupt() -> None:
    """End as after Ctrl-C."""
    raise KeyboardInterrupt


ENDS: dict[str, Callable[[], object]] = {
    "text": lambda: sys.exit("reason"),
    "status": lambda: sys.exit(9),
    "atexit": lambda: atexit.register(print, "bye"),
    "traceback": fail,
    "hardening": fail_to_harden,
    "interrupt": interrupt,
    "signal": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "_exit": lambda: os._exit(3),
    "name": lambda: print(__name__, __file__ == sys.argv[0]),
}
ENDS[sys.argv[1]]()
