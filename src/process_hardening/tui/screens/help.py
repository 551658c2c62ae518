"""Explains all keys and signs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from process_hardening.tui.widgets import signs
from process_hardening.tui.widgets.keys import Keys

_OTHERS = {
    "ctrl+p": "every action by name, and all themes",
    "mouse": "click a row to select it, again for details, its arrow to open it, a title to sort",
}

_KEYS = {
    "slash": "/",
    "question_mark": "?",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "circumflex_accent": "^",
}


def shown_keys(binding: Binding) -> str:
    """Return the keys of a binding, as labelled on the keyboard."""
    return " ".join(_KEYS.get(key, key) for key in binding.key.split(","))


class HelpScreen(ModalScreen[None]):
    """Explains the keys of the screen below. sections -- the title and bindings of each."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q", "dismiss", "Back")]

    def __init__(self, sections: Iterable[tuple[str, Iterable[Binding]]]) -> None:
        super().__init__()
        self.sections = list(sections)

    def compose(self) -> ComposeResult:
        """Yield one long text."""
        with Vertical(classes="window"):
            with VerticalScroll():
                yield Static(self.explained(), markup=False)
            yield Keys()

    def explained(self) -> Content:
        """Return the text, which explains the keys, the risks and the changes."""
        lines = []
        for title, bindings in self.sections:
            lines.append(Content.styled(title, "bold"))
            for binding in bindings:
                text = binding.tooltip or binding.description.lower()
                lines.append(
                    Content.assemble((f"  {shown_keys(binding):<16}", "$text-accent"), text)
                )
            lines.append(Content(""))
        for name, text in _OTHERS.items():
            lines.append(Content.assemble((f"  {name:<16}", "$text-accent"), text))
        lines += [Content(""), Content.styled("RISK", "bold")]
        for risk in signs.RISKS.values():
            shown = f"  {risk.bar:<4}{risk.word:<10}"
            lines.append(Content.assemble((shown, risk.style), risk.meaning))
        lines += [Content(""), Content.styled("what changed in the last few seconds", "bold")]
        for name, (sign, style) in signs.CHANGES.items():
            lines.append(Content.assemble("  ", (f"{sign} {name}", style)))
        return Content("\n").join(lines)
