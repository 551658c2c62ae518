"""Standard output: a line that cannot be written is an error, not a traceback at exit."""

from __future__ import annotations

import os
import sys

from process_hardening.errors import CommandError
from process_hardening.terminal import write_line

_USUAL_WIDTH = 80


def width_and_colour() -> tuple[int | None, bool]:
    """The width to print for, None for no limit, and whether to print colours.

    COLUMNS decides; else the terminal that standard output is, or the one beside a pipe: a person
    who types `| less` still reads on it. A file has no width.
    """
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and 0 < int(columns) < 10_000:
        width: int | None = int(columns)
    elif is_terminal:
        width = _width_of(1) or _USUAL_WIDTH
    else:
        width = _width_of(2) if _is_pipe() else None
    wants_colour = is_terminal and os.environ.get("TERM") != "dumb"
    return width, wants_colour and not os.environ.get("NO_COLOR")


def _width_of(fd: int) -> int | None:
    # Not shutil's: importing that loads three modules for archives.
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
