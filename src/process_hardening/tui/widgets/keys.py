"""The keys at the bottom of a screen."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Footer


class Keys(Footer):
    """The footer, with as many columns as the stylesheet says."""

    def __init__(self) -> None:
        super().__init__(show_command_palette=False, compact=True)

    def compose(self) -> ComposeResult:
        """One entry a key."""
        yield from super().compose()
        self.styles.grid_size_columns = None  # the footer sets one a key
