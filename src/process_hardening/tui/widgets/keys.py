"""The keys at the bottom of a screen."""

from __future__ import annotations

from textual.widgets import Footer


class Keys(Footer):
    """The footer, as narrow as possible."""

    def __init__(self) -> None:
        super().__init__(show_command_palette=False, compact=True)
