"""What may be written to a terminal, and how."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from typing import TextIO


def printable(text: str) -> str:
    """Text on one line that cannot command the terminal: controls become backslash escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def write_line(text: str, stream: TextIO) -> None:
    """Write text and a newline, and flush. Raises OSError when it does not get out."""
    # A name may hold what this encoding cannot say.
    text = text.encode(stream.encoding, "backslashreplace").decode(stream.encoding)
    try:
        print(text, file=stream, flush=True)
    except OSError:
        # What is left in the buffer would fail once more at exit: give it somewhere to go.
        with open(os.devnull, "wb") as sink:
            os.dup2(sink.fileno(), stream.fileno())
        raise


def complain(error: Exception) -> None:
    """Print an error as one line on standard error, if there is one."""
    if sys.stderr is None:
        return
    try:
        write_line(f"process-hardening: {printable(str(error))}", sys.stderr)
    except OSError:
        return  # there is nowhere left to say so; the exit status tells
