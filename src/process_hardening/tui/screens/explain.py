"""What findings mean, why they matter, how they are fixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from process_hardening.audit.rules.model import Finding
from process_hardening.terminal import printable
from process_hardening.tui.widgets import signs
from process_hardening.tui.widgets.keys import Keys


class ExplainScreen(ModalScreen[None]):
    """Findings, one of which is explained below. subject -- whose they are."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter", "dismiss", "Back"),
        Binding("c", "copy", "Copy fix"),
    ]

    def __init__(self, subject: str, findings: Sequence[Finding]) -> None:
        super().__init__()
        self.subject = subject
        self.findings = findings

    def compose(self) -> ComposeResult:
        """A list, and the text of what is highlighted in it."""
        with Vertical(classes="window"):
            yield Static(
                f"{self.subject}: {len(self.findings) or 'no'} findings",
                classes="title",
                markup=False,
            )
            yield OptionList(*(Option(signs.headline(finding)) for finding in self.findings))
            with VerticalScroll():
                yield Static("", id="explained", markup=False)
            yield Keys()

    def on_mount(self) -> None:
        """Begin with the worst."""
        choice = self.query_one(OptionList)
        choice.display = bool(self.findings)
        if self.findings:
            choice.highlighted = 0

    @property
    def chosen(self) -> Finding | None:
        """The highlighted finding."""
        at = self.query_one(OptionList).highlighted
        return None if at is None else self.findings[at]

    @on(OptionList.OptionHighlighted)
    def explain(self) -> None:
        """Explain the highlighted finding."""
        finding = self.chosen
        if finding is None:
            return
        parts = [
            Content.assemble(("what: ", "bold"), printable(finding.message)),
            Content.assemble(("why: ", "bold"), finding.rule.why),
            Content.assemble(("fix: ", "bold"), printable(finding.fix)),
            signs.commands(finding),
            Content.assemble(("source: ", "bold"), finding.rule.source),
        ]
        self.query_one("#explained", Static).update(Content("\n\n").join(parts))

    @on(OptionList.OptionSelected)
    def close(self) -> None:
        """Enter in the list is enter on the screen."""
        self.dismiss()

    def action_copy(self) -> None:
        """Copy the fix of the highlighted finding."""
        finding = self.chosen
        if finding is not None:
            fix = signs.copyable(finding)
            self.app.copy_to_clipboard(fix)
            self.notify(fix, title=f"Copied the fix of {finding.id}", markup=False)
