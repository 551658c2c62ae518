"""Drawing with ASCII alone, for terminals and fonts that have nothing else."""

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
"""What is drawn in place of the signs of ours and of Textual's widgets."""


def needs_ascii(environment: Mapping[str, str]) -> bool:
    """Whether a terminal with this environment shows nothing but ASCII, as far as that is told.

    TERM=linux is the kernel's own console, whose fonts have 256 or 512 signs; console_codes(4).
    """
    if environment.get("TERM", "") in ("linux", "vt100", "vt102", "vt220"):
        return True
    names = (environment.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    locale = next((name for name in names if name), "")  # the first that is set counts; locale(7)
    return bool(locale) and "utf8" not in locale.casefold().replace("-", "")


def to_ascii(text: str) -> str:
    """Text with one ASCII sign for each cell of a character that is not ASCII."""
    if text.isascii():
        return text
    return "".join(
        c if c.isascii() else _SIGNS.get(c) or "?" * get_character_cell_size(c) for c in text
    )


class AsciiFilter(LineFilter):
    """Replaces what is not ASCII in every line that is drawn, whichever widget made it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 -- as textual has it
        """The segments with other signs, as wide as they were."""
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]
