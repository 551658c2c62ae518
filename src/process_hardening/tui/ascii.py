"""Draws with ASCII only, for terminals and fonts that have no other characters."""

from __future__ import annotations

from collections.abc import Mapping

from rich.cells import get_character_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_SIGNS = {
    "▸": ">", "▾": "v", "▴": "^", "✓": "=", "…": "~", "·": "-", "“": '"', "”": '"',
    "▁": "_", "▂": ".", "▃": ":", "▄": "-", "▅": "=", "▆": "+", "▇": "*", "█": "#",
    "─": "-", "━": "-", "╸": "-", "╺": "-", "│": "|", "┃": "|", "▏": "|", "▎": "|", "▌": "|",
    "╭": "+", "╮": "+", "╰": "+", "╯": "+", "┌": "+", "┐": "+", "└": "+", "┘": "+",
    "▔": "-", "▊": "|", "▐": "|", "▕": "|", "▀": "-", "○": "o", "●": "*", "🔎": "? ",
}  # fmt: skip
"""The replacements for our signs and those of Textual's widgets."""


def needs_ascii(environment: Mapping[str, str]) -> bool:
    """Return whether a terminal with this environment seems to support only ASCII.

    TERM=linux is the kernel's console, whose fonts have 256 or 512 glyphs; console_codes(4).
    """
    if environment.get("TERM", "") in ("linux", "vt100", "vt102", "vt220"):
        return True
    names = (environment.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    locale = next((name for name in names if name), "")  # the first that is set counts; locale(7)
    return bool(locale) and "utf8" not in locale.casefold().replace("-", "")


def to_ascii(text: str) -> str:
    """Replace each non-ASCII character with one ASCII character per cell."""
    if text.isascii():
        return text
    return "".join(
        c if c.isascii() else _SIGNS.get(c) or "?" * get_character_cell_size(c) for c in text
    )


class AsciiFilter(LineFilter):
    """Replaces non-ASCII characters in every line that any widget draws."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """Return the segments with ASCII characters and the same width."""
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]
