"""Writes to standard output; a failure becomes an error message, not a traceback at exit."""

from __future__ import annotations

import os
import sys

from process_hardening.errors import CommandError
from process_hardening.terminal import write_line

USUAL_WIDTH = 80
"""The width assumed for a terminal that does not report one."""


def width_and_colour() -> tuple[int | None, bool]:
    """Return the output width (None: no limit) and whether to use colours.

    COLUMNS sets the width. If it is unset, the width is that of the terminal on standard output or,
    if standard output is a pipe, as in `| less`, on standard error. Files have no width.
    """
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    if is_terminal:
        width: int | None = read_width(1) or USUAL_WIDTH
    else:
        width = read_width(2 if _is_pipe() else None)
    wants_colour = is_terminal and os.environ.get("TERM") != "dumb"
    return width, wants_colour and not os.environ.get("NO_COLOR")


def read_width(fd: int | None) -> int | None:
    """Return the width from COLUMNS, else the width of the terminal at a descriptor, else None."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and len(columns) < 5 and int(columns):
        return int(columns)
    if fd is None:
        return None
    # Not shutil.get_terminal_size(): importing shutil loads three archive modules.
    try:
        return os.get_terminal_size(fd).columns or None
    except OSError:
        return None


def _is_pipe() -> bool:
    import stat

    try:
        return stat.S_ISFIFO(os.fstat(1).st_mode)
    except OSError:
        return False


def write(text: str) -> None:
    """Print text and a newline, and flush. Raises CommandError on failure.

    A reader that has exited, as in `| head`, is not a failure.
    """
    if sys.stdout is None:
        raise CommandError("standard output is closed")
    try:
        write_line(text, sys.stdout)
    except BrokenPipeError:
        return
    except OSError as error:
        raise CommandError(f"standard output: {error.strerror}") from None
