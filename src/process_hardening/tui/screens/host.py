"""The host screen: the results of doctor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import DataTable, Static

from process_hardening.audit.rules.model import INFO, Check, Finding, worst_of
from process_hardening.terminal import printable
from process_hardening.tui.screens.export import ExportScreen, picture_of, save_diagnosis
from process_hardening.tui.view import HostView
from process_hardening.tui.watcher import Watcher
from process_hardening.tui.widgets import signs
from process_hardening.tui.widgets.keys import Keys


class HostScreen(Screen[None]):
    """Shows the checks, and everything about the selected one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,h,d", "dismiss", "Back"),
        Binding("c", "copy", "Copy fix", tooltip="copy the commands that fix the finding"),
        Binding("x", "export", "Save", tooltip="save the checks as JSON, text or SVG"),
        Binding("r", "look", "Refresh", tooltip="check the host now"),
    ]

    def __init__(self, view: HostView | None, watcher: Watcher) -> None:
        super().__init__()
        self.view = view
        self.watcher = watcher

    def compose(self) -> ComposeResult:
        """Yield a table, and the text about its selected row."""
        yield Static("Which settings of this host help an attacker", classes="title")
        yield DataTable[Text](cursor_type="row")
        with VerticalScroll(id="about", can_focus=False):
            yield Static("", id="check", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Show the results that are already known."""
        table: DataTable[Text] = self.query_one(DataTable)
        table.add_column("RISK", width=signs.BAR_CELLS + 9)
        table.add_columns("CHECKED", "STATE")
        table.focus()
        self.show_host(self.view)

    def show_host(self, view: HostView | None) -> None:
        """Show the results."""
        self.view = view
        table: DataTable[Text] = self.query_one(DataTable)
        at = table.cursor_row
        table.clear()
        about = self.query_one("#check", Static)
        if view is None or view.diagnosis is None:
            about.update(printable(view.problem) if view else "checking …")
            return
        for check in view.diagnosis.checks:
            risk = Text(_risk_of(check).plain, style=signs.rich_style(self.app, _style_of(check)))
            table.add_row(risk, Text(check.topic), Text(printable(check.answer.text)))
        table.move_cursor(row=at)

    @property
    def chosen(self) -> Check | None:
        """Return the check under the cursor."""
        at = self.query_one(DataTable).cursor_row
        diagnosis = self.view.diagnosis if self.view else None
        checks = diagnosis.checks if diagnosis else ()
        return checks[at] if 0 <= at < len(checks) else None

    @on(DataTable.RowHighlighted)
    def tell(self) -> None:
        """Show everything about the selected check."""
        check = self.chosen
        if check is None:
            return
        parts = [
            Content.assemble(_risk_of(check), f"{check.topic}: {printable(check.answer.text)}")
        ]
        for finding in check.findings:
            parts += [Content(""), *_describe(finding)]
        self.query_one("#check", Static).update(Content("\n").join(parts))

    def action_copy(self) -> None:
        """Copy the commands that fix the first finding of the selected check."""
        check = self.chosen
        if check is None or not check.findings:
            self.notify("there is nothing to fix")
            return
        finding = check.findings[0]
        fix = signs.copyable(finding)
        if not fix:
            self.notify(printable(finding.fix), title="No command", markup=False)
            return
        self.app.copy_to_clipboard(fix)
        self.notify(fix, title="Copied", markup=False)

    def action_export(self) -> None:
        """Save the current view."""
        if self.view is None or self.view.diagnosis is None:
            self.notify("there is nothing to save yet", severity="warning")
            return
        formats = save_diagnosis(self.view.diagnosis, picture_of(self.app))
        self.app.push_screen(ExportScreen("host", formats, self.watcher.machine.now()))

    def action_look(self) -> None:
        """Check again."""
        self.query_one("#check", Static).update("checking …")
        self.watcher.look_at_host()


def _describe(finding: Finding) -> Iterator[Content]:
    """Return the message of a finding, its commands, what these may break, and how to undo them."""
    message = finding.message[0].upper() + finding.message[1:]
    yield Content.styled(f"{printable(message)}. {finding.id}", "bold")
    yield from map(signs.command, finding.commands)
    if finding.rule.breaks:
        yield Content.styled(f"May break: {finding.rule.breaks}", signs.QUIET)
    yield Content(printable(finding.fix))
    yield Content(finding.rule.why)
    if finding.undo:
        yield Content.styled("Undo:", signs.QUIET)
        yield from map(signs.command, finding.undo)


def _severity_of(check: Check) -> str | None:
    return worst_of(check.findings) if check.answer.is_known else INFO


def _risk_of(check: Check) -> Content:
    """Return the bar and the word for a check; a harmless setting is "fine", not "hardened"."""
    severity = _severity_of(check)
    bar, word = signs.RISKS[severity].bar, signs.RISKS[severity].word if severity else "fine"
    return Content.styled(f"{bar:<{signs.BAR_CELLS}} {word:<9}", _style_of(check))


def _style_of(check: Check) -> str:
    return signs.RISKS[_severity_of(check)].style
