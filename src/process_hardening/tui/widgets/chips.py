"""The switches above the table, which filter its rows."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from process_hardening.terminal import printable
from process_hardening.tui.selection import CHIPS, Selection
from process_hardening.tui.widgets import signs


class Chips(Static):
    """One chip per switch; its number key, or a click, toggles it."""

    def __init__(self) -> None:
        super().__init__("", id="chips", markup=False)

    def show_selection(self, selection: Selection, ended: int, note: str) -> None:
        """Show what is switched on.

        ended -- how many processes have just ended; note -- further text
        """
        parts = []
        for number, (name, (label, _)) in enumerate(CHIPS.items(), 1):
            is_on = getattr(selection, name)
            if name == "ended" and ended:
                label = f"{label} ({ended})"
            text = f"[{number} {label}]"
            style = "bold reverse" if is_on else signs.QUIET
            parts.append(Content.styled(text, style).stylize(f"@click=screen.chip('{name}')"))
        filtered = f"  / {printable(selection.text)}" if selection.text else ""
        self.update(
            Content.assemble(
                Content(" ").join(parts),
                (filtered, "bold $text-accent"),
                (f"  {note}", signs.QUIET),
            ),
            layout=False,
        )
