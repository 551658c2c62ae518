"""An application that tries everything to survive a failed step, and says what of it ran.

Usage: survivor.py ENTRY, where ENTRY is a name in ENTRIES.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import resource
import sys
import threading
from typing import Any

import process_hardening as ph


def say(line: str) -> None:
    """Print at once: nothing is to be lost in a buffer."""
    print(line, flush=True)


class Finalizer:
    """Says so when Python takes it down."""

    def __del__(self) -> None:
        """Run when nobody refers to it any more."""
        say("finalizer")


def harden_without_descriptors() -> object:
    """Harden when not one file more can be opened."""
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, lowest))
    return ph.pre_main_hardening()


ENTRIES: dict[str, Any] = {
    "PRE_MAIN": ph.pre_main_hardening,
    "HARDEN": ph.harden,
    "REEXEC": lambda: ph.pre_main_hardening(reexec=True),
    "STRICT": lambda: ph.pre_main_hardening(ph.STRICT),
    "NO_BYPASS": lambda: ph.pre_main_hardening(ph.Policy(bypass_variable=None)),
    "NO_DESCRIPTORS": harden_without_descriptors,
}


def at_c_exit(line: bytes) -> None:
    """Have the C library print a line at exit, when Python is gone."""
    libc = ctypes.CDLL(None)
    libc.strdup.restype = ctypes.c_void_p
    libc["__cxa_atexit"](libc.puts, ctypes.c_void_p(libc.strdup(line)), None)


def main() -> None:
    """Lay out every net that a language offers, then harden."""
    finalizer = Finalizer()
    atexit.register(say, "atexit")
    at_c_exit(b"C atexit")
    sys.excepthook = lambda *_: say("excepthook")
    for module, name in ((sys, "exit"), (os, "_exit")):
        setattr(module, name, lambda status: say(f"exit {status}"))
    held = threading.Event()
    # Not a daemon: Python's own end would wait for it.
    thread = threading.Thread(target=lambda: say("thread") if held.wait() else None)
    thread.start()
    try:
        report = ENTRIES[sys.argv[1]]()
    except ph.HardeningError as error:
        say(f"HardeningError {error.step} {error.exit_code} {error.errno}: {error}")
        raise
    except BaseException:
        say("except")
        raise
    else:
        say(f"hardened {report.inspection}; {report.core_limit}; {report.environment}")
    finally:
        say("finally")
        held.set()
        thread.join()
        del finalizer


if __name__ == "__main__":
    main()
