"""Text that is safe to write to a terminal."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from typing import TextIO


def printable(text: str) -> str:
    """The text on one line, with backslash escapes for what could control the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def write_line(text: str, stream: TextIO) -> None:
    """Write text and a newline, and flush. Raises OSError when that fails."""
    # A name may contain characters that this encoding lacks.
    text = text.encode(stream.encoding, "backslashreplace").decode(stream.encoding)
    try:
        print(text, file=stream, flush=True)
    except OSError:
        # What is left in the buffer would fail again at exit.
        with open(os.devnull, "wb") as sink:
            os.dup2(sink.fileno(), stream.fileno())
        raise


def complain(error: Exception) -> None:
    """Print an error as one line on standard error, if that is open."""
    if sys.stderr is None:
        return
    try:
        write_line(f"process-hardening: {printable(str(error))}", sys.stderr)
    except OSError:
        return  # there is nowhere left to print: the exit status tells
