"""Writing lines in such a way that a failure is an error, not a traceback at exit."""

from __future__ import annotations

import os
import sys

from process_hardening.errors import CommandError
from process_hardening.terminal import printable

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from typing import TextIO


def _print(text: str, stream: TextIO) -> None:
    # A name may hold what this encoding cannot say.
    text = text.encode(stream.encoding, "backslashreplace").decode(stream.encoding)
    try:
        print(text, file=stream, flush=True)
    except OSError:
        # What is left in the buffer would fail once more at exit: give it somewhere to go.
        with open(os.devnull, "wb") as sink:
            os.dup2(sink.fileno(), stream.fileno())
        raise


def width_and_colour() -> tuple[int | None, bool]:
    """How wide the terminal is, None for no terminal, and whether it wants colours."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None, False
    import shutil

    return shutil.get_terminal_size().columns, not os.environ.get("NO_COLOR")


def write(text: str) -> None:
    """Print text and a newline, and flush. Raises CommandError when it does not get out."""
    if sys.stdout is None:
        raise CommandError("standard output is closed")
    try:
        _print(text, sys.stdout)
    except OSError as error:
        raise CommandError(f"standard output: {error.strerror}") from None


def complain(error: Exception) -> None:
    """Print an error as one line on standard error, if there is one."""
    if sys.stderr is None:
        return
    try:
        _print(f"process-hardening: {printable(str(error))}", sys.stderr)
    except OSError:
        return  # there is nowhere left to say so; the exit status tells
