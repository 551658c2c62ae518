"""Formats tables as aligned plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from process_hardening.terminal import count_cells, fold, pad, printable

_GAP = "  "
_NARROWEST = 28
_RESET = "\x1b[0m"


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int | None = None,
    colours: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Format rows as aligned columns; the last column is free text.

    width -- the width of the terminal; None: no limit. The last column is wrapped to fit. If
        the other columns leave it too little space, it is put on separate lines
    colours -- maps the whole text of a cell to its escape sequence

    Returns the text without a trailing newline.
    """
    cells = [[printable(cell) for cell in row] for row in [header, *rows]]
    widths = [max(count_cells(row[i]) for row in cells) for i in range(len(header) - 1)]
    used = sum(widths) + len(_GAP) * len(widths)
    room = None if width is None else width - used
    lines = []
    for row in cells:
        padded = [pad(cell, size) for cell, size in zip(row, widths, strict=False)]
        padded = [
            colours[cell.strip()] + cell + _RESET if cell.strip() in colours else cell
            for cell in padded
        ]
        start = _GAP.join(padded)
        if room is None:
            lines.append(f"{start}{_GAP}{row[-1]}".rstrip())
        elif room >= _NARROWEST:
            folded = fold(row[-1], room, breaks=True)
            lines.append(f"{start}{_GAP}{folded[0]}".rstrip())
            lines += [" " * used + more for more in folded[1:]]
        else:
            indent = " " * 4
            lines.append(start.rstrip())
            lines += fold(row[-1], width, indent, breaks=True) if row[-1] else []
    return "\n".join(lines)
