"""Asking for a user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from process_hardening.tui.widgets.keys import Keys


class UsersScreen(ModalScreen[str | None]):
    """Gives the name of a user, '' for all of them, None for never mind.

    users -- of each process; current -- what is shown now, None: all
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,u", "cancel", "Back")]

    def __init__(self, users: Iterable[str], current: str | None) -> None:
        super().__init__()
        counts = Counter(users)
        self.names = ["", *sorted(counts)]
        self.counts = {"": sum(counts.values()), **counts}
        self.current = current or ""

    def compose(self) -> ComposeResult:
        """A list of users with their numbers of processes."""
        with Vertical(classes="window"):
            yield Static("processes of", classes="title")
            yield OptionList(
                *(
                    Option(Content(f"{self.counts[name]:>6}  {name or 'all users'}"))
                    for name in self.names
                )
            )
            yield Keys()

    def on_mount(self) -> None:
        """Begin with what is shown now."""
        known = self.current in self.names
        self.query_one(OptionList).highlighted = self.names.index(self.current) if known else 0

    @on(OptionList.OptionSelected)
    def choose(self, event: OptionList.OptionSelected) -> None:
        """Give the user."""
        self.dismiss(self.names[event.option_index])

    def action_cancel(self) -> None:
        """Change nothing."""
        self.dismiss(None)
