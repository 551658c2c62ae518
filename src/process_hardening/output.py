"""Standard output: a line that cannot be written is an error, not a traceback at exit."""

from __future__ import annotations

import os
import sys

from process_hardening.errors import CommandError
from process_hardening.terminal import write_line


def width_and_colour() -> tuple[int | None, bool]:
    """The width of the terminal, None without one, and whether to print colours."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None, False
    import shutil

    return shutil.get_terminal_size().columns, not os.environ.get("NO_COLOR")


def write(text: str) -> None:
    """Print text and a newline, and flush. Raises CommandError when that fails.

    A reader that has gone, as in `| head`, has read what it wanted: that is no failure.
    """
    if sys.stdout is None:
        raise CommandError("standard output is closed")
    try:
        write_line(text, sys.stdout)
    except BrokenPipeError:
        return
    except OSError as error:
        raise CommandError(f"standard output: {error.strerror}") from None
