"""Text that is safe to write to a terminal."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO


def printable(text: str) -> str:
    """Return the text on one line, with backslash escapes for anything that controls a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def count_cells(text: str) -> int:
    """Return the width of printable text in cells: two per wide character, none per combining mark.

    Source: Unicode Standard Annex 11, as wcwidth(3) applies it.
    """
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    return sum(
        0 if category(c) in ("Mn", "Me", "Cf") else 1 + (east_asian_width(c) in "WF") for c in text
    )


_LEFT_TO_RIGHT_MARK = "\u200e"


def pad(text: str, cells: int) -> str:
    """Pad printable text with blanks to this many cells."""
    return end_direction(text) + " " * (cells - count_cells(text))


def end_direction(text: str) -> str:
    """End right-to-left text with a mark, so the terminal does not reorder the text after it."""
    if text.isascii():
        return text
    from unicodedata import bidirectional

    return text + _LEFT_TO_RIGHT_MARK * any(bidirectional(c) in ("R", "AL") for c in text)


def shorten(text: str, cells: int) -> str:
    """Shorten printable text to this many cells, ending it with "..."."""
    if count_cells(text) <= cells:
        return text
    return _cut(text, max(cells - 3, 0)).rstrip() + "..."


_NARROWEST = 20


def fold(
    text: str, width: int | None, indent: str = "", more: str | None = None, *, breaks: bool = False
) -> list[str]:
    """Wrap printable text.

    width -- in cells, at least 20; None: one line
    indent -- put before every line; more -- put before all lines but the first; None: indent
    breaks -- whether to break words that are longer than a line
    """
    text = printable(text)
    if width is None:
        return [indent + text]
    width = max(width, _NARROWEST)
    more = indent if more is None else more
    lines, line, used = [], indent, 0
    room = _find_room(width, indent)
    for word in text.split():
        cells = count_cells(word)
        if used and used + 1 + cells > room:
            lines.append(line)
            line, used, room = more, 0, _find_room(width, more)
        while breaks and cells > room:
            start = _cut(word, room)
            lines.append(line + start)
            word = word[len(start) :]
            cells -= count_cells(start)
            line, room = more, _find_room(width, more)
        line += f" {word}" if used else word
        used += cells + bool(used)
    return [*lines, line] if used else lines or [""]


def _find_room(width: int, indent: str) -> int:
    """Return how many cells a line has after its indent: at least two, for one wide character."""
    return max(width - count_cells(indent), 2)


def _cut(text: str, cells: int) -> str:
    """Return the longest prefix of a text that fits into this many cells."""
    kept = 0
    while kept < len(text) and (cells := cells - count_cells(text[kept])) >= 0:
        kept += 1
    return text[:kept]


def write_line(text: str, stream: TextIO) -> None:
    """Write text and a newline, and flush. Raises OSError on failure."""
    # Names may contain characters that this encoding lacks.
    text = text.encode(stream.encoding, "backslashreplace").decode(stream.encoding)
    try:
        print(text, file=stream, flush=True)
    except OSError:
        # At exit, Python would try to write the rest of the buffer, and fail again.
        with open(os.devnull, "wb") as sink:
            os.dup2(sink.fileno(), stream.fileno())
        raise


def complain(error: Exception | str) -> None:
    """Print an error as one line on standard error, if it is open."""
    _print_to_stderr(f"process-hardening: {printable(str(error))}")


def complain_of_bug(error: Exception, command: str, words: Sequence[str]) -> int:
    """Print an error that nobody foresaw: one line for a failed call, otherwise its traceback.

    command -- the name of the command; words -- its arguments, whose values are not shown

    Returns the exit status. Python would exit with 1, which means that audit found something, or
    verify a leak.
    """
    from process_hardening.errors import USAGE_ERROR, hide_values

    if isinstance(error, OSError):  # no descriptors left, a full disk
        subject = error.filename or f"`{command}` failed"
        complain(hide_values(f"{subject}: {error.strerror or error}", words))
    else:
        import traceback

        traceback.print_exception(error)
    return USAGE_ERROR


def notify(text: str) -> None:
    """Print what was done as one line on standard error, if that is a terminal."""
    if sys.stderr is not None and sys.stderr.isatty():
        _print_to_stderr(printable(text))


def _print_to_stderr(line: str) -> None:
    if sys.stderr is None:
        return
    try:
        write_line(line, sys.stderr)
    except OSError:
        return  # there is nowhere left to print it: only the exit status can show an error
