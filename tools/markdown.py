"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def make_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Titles and rows as a table."""
    lines = [_make_line(row) for row in (titles, ["---"] * len(titles), *rows)]
    return "\n".join(lines)


def _make_line(row: Sequence[str]) -> str:
    cells = [cell.replace("|", "\\|") for cell in row]
    return f"| {' | '.join(cells)} |"
