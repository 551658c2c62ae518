"""The host: what doctor says of it."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import DataTable, Static

from process_hardening.audit.rules.model import Check, worst_of
from process_hardening.terminal import printable
from process_hardening.tui.view import HostView
from process_hardening.tui.watcher import Watcher
from process_hardening.tui.widgets import signs
from process_hardening.tui.widgets.keys import Keys


def result_of(check: Check) -> str:
    """One word for a check: fine, unknown, or the severity of what was found."""
    return (worst_of(check.findings) or "fine") if check.answer.is_known else "unknown"


class HostScreen(Screen[None]):
    """The checks, and everything about the chosen one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,h,d", "dismiss", "Back"),
        Binding("c", "copy", "Copy fix", tooltip="copy the fix of the worst finding"),
        Binding("r", "look", "Look again", tooltip="look at the host now"),
    ]

    def __init__(self, view: HostView | None, watcher: Watcher) -> None:
        super().__init__()
        self.view = view
        self.watcher = watcher

    def compose(self) -> ComposeResult:
        """A table, and the text about its chosen row."""
        yield Static("what of this host lets others read memory", classes="title")
        yield DataTable[Text](cursor_type="row", zebra_stripes=True)
        with VerticalScroll(id="about"):
            yield Static("", id="check", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Show what is known already."""
        table: DataTable[Text] = self.query_one(DataTable)
        table.add_columns("result", "checked", "findings", "what it is")
        table.focus()
        self.show_host(self.view)

    def show_host(self, view: HostView | None) -> None:
        """Show a look at the host."""
        self.view = view
        table: DataTable[Text] = self.query_one(DataTable)
        at = table.cursor_row
        table.clear()
        about = self.query_one("#check", Static)
        if view is None or view.problem:
            about.update(printable(view.problem) if view else "looking …")
            return
        for check in view.checks:
            ids = " ".join(finding.id for finding in check.findings)
            cells = (result_of(check), check.topic, ids or "-", printable(check.answer.text))
            table.add_row(*map(Text, cells))
        table.move_cursor(row=at)

    @property
    def chosen(self) -> Check | None:
        """The check that the cursor is on."""
        at = self.query_one(DataTable).cursor_row
        checks = self.view.checks if self.view else ()
        return checks[at] if 0 <= at < len(checks) else None

    @on(DataTable.RowHighlighted)
    def tell(self) -> None:
        """Tell all about the chosen check."""
        check = self.chosen
        if check is None:
            return
        result = result_of(check)
        parts = [
            Content.assemble(
                (result, signs.SEVERITIES[result]),
                f"  {check.topic}: {printable(check.answer.text)}",
            )
        ]
        for finding in check.findings:
            parts += [
                signs.headline(finding),
                Content.assemble(("why: ", "bold"), finding.rule.why),
                Content.assemble(("fix: ", "bold"), printable(finding.fix)),
                signs.commands(finding),
            ]
        self.query_one("#check", Static).update(Content("\n\n").join(parts))

    def action_copy(self) -> None:
        """Copy the commands that fix the first finding of the chosen check."""
        check = self.chosen
        if check is None or not check.findings:
            self.notify("nothing is found that could be fixed")
            return
        finding = check.findings[0]
        fix = signs.copyable(finding)
        self.app.copy_to_clipboard(fix)
        self.notify(fix, title=f"Copied the fix of {finding.id}", markup=False)

    def action_look(self) -> None:
        """Look again."""
        self.query_one("#check", Static).update("looking …")
        self.watcher.look_at_host()
