"""The screen for terminals that are too small for anything else."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widgets import Static

SMALLEST = Size(72, 16)


def is_too_small(size: Size) -> bool:
    """Return whether the other screens do not fit."""
    return size.width < SMALLEST.width or size.height < SMALLEST.height


class TooSmallScreen(ModalScreen[None]):
    """Covers the other screens until there is room."""

    def compose(self) -> ComposeResult:
        """Yield a message."""
        yield Static("", markup=False)

    def on_screen_resume(self) -> None:
        """Close if there is room again.

        The terminal may have grown while another screen was on top of this one.
        """
        if not is_too_small(self.app.size):
            self.dismiss()

    def show_size(self, size: Size) -> None:
        """Show the current and the required size."""
        self.query_one(Static).update(
            f"too small: {size.width}x{size.height}, needed:"
            f" {SMALLEST.width}x{SMALLEST.height}; ctrl+q quits"
        )
