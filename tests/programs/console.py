"""A Python that does as it is told: the victim of tests that need a conversation.

Each line of standard input is an expression or a statement; the answer, one line, is the repr of
its value, or the type and text of what it raised. The names in NAMES are there.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable

import process_hardening as ph

libc = ctypes.CDLL(None, use_errno=True)

DEADLINE = 60
"""Seconds after which what should have happened is taken not to happen any more."""


def prctl(option: int, value: int) -> str:
    """Make the call as a crash handler would; the answer is OK or the error."""
    if libc.prctl(option, value, 0, 0, 0) == 0:
        return "OK"
    return os.strerror(ctypes.get_errno())


def hold(path: str, kind: type) -> tuple[object, int]:
    """Read a file into a new buffer of a kind: its bytes are nowhere else. Also says where."""
    size = os.path.getsize(path)
    buffer = kind(size)
    fd = os.open(path, os.O_RDONLY)
    assert os.readv(fd, [buffer]) == size
    os.close(fd)
    return buffer, ctypes.addressof(ctypes.c_char.from_buffer(buffer))


def happens(condition: Callable[[], object]) -> bool:
    """Wait until a condition is true; returns False if it does not become so."""
    end = time.monotonic() + DEADLINE
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return bool(condition())


def becomes(inspectable: bool) -> bool:
    """Wait until this process is, or is not, open to its user."""
    return happens(lambda: ph.status().inspectable is inspectable)


looks: list[bool] = []


def watch() -> object:
    """Start a watch whose looks at this process are counted."""
    from process_hardening import _debug_window  # which it asks first

    def profile(_frame: object, _event: str, called: object) -> None:
        looks.append(called is _debug_window.is_open)

    threading.setprofile(profile)
    return ph.watch(0.01)


def looks_on() -> bool:
    """Wait until the watch has looked a few times more."""
    looks.clear()
    return happens(lambda: looks.count(True) > 3)


NAMES: dict[str, object] = {
    "ph": ph,
    "os": os,
    "libc": libc,
    "prctl": prctl,
    "hold": hold,
    "happens": happens,
    "becomes": becomes,
    "watch": watch,
    "looks_on": looks_on,
}


def answer(line: str) -> str:
    """Do what a line says."""
    try:
        try:
            code = compile(line, "<console>", "eval")
        except SyntaxError:
            exec(line, NAMES)  # noqa: S102  # it is what this program is for
            return "None"
        return repr(eval(code, NAMES))  # noqa: S307  # the same
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def main() -> None:
    """Answer until the input ends."""
    print("READY", flush=True)
    for line in sys.stdin:
        print(answer(line.strip()).replace("\n", " "), flush=True)


if __name__ == "__main__":
    main()
