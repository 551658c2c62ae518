"""Everything about a row: who can read it, the fix, why it matters and the kernel's values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from process_hardening.audit.groups import Group, readers_of
from process_hardening.audit.reasons import READERS
from process_hardening.audit.rules.tables import RULES
from process_hardening.terminal import printable
from process_hardening.tui.screens.copying import copy_fix
from process_hardening.tui.view import Row
from process_hardening.tui.widgets import signs
from process_hardening.tui.widgets.detail import (
    clock,
    describe_change,
    describe_evidence,
    describe_reason,
)
from process_hardening.tui.widgets.keys import Keys

_MOST_MEMBERS = 200


class MoreScreen(ModalScreen[None]):
    """Describes a group or a process in the state that it had when Enter was pressed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss", "Back"),
        Binding("c", "copy", "Copy fix", tooltip="copy the command"),
    ]

    def __init__(self, row: Row) -> None:
        super().__init__()
        self.row = row

    def compose(self) -> ComposeResult:
        """Yield the text in a scrollable window."""
        with Vertical(classes="window") as window:
            user = printable(self.row.of.group.user)
            window.border_title = Content(f" {self.row.label} of {user} ")
            with VerticalScroll():
                yield Static(Content("\n").join(_list_lines(self.row)), markup=False)
            yield Keys()

    def action_copy(self) -> None:
        """Copy the command that fixes the problem."""
        copy_fix(self.app, self.row)


def _title(text: str) -> Content:
    return Content.styled(f"\n{text}", "bold")


def _list_lines(row: Row) -> Iterator[Content]:
    group = row.of.group
    yield Content.assemble(signs.risk(group), " ", describe_reason(group))
    if row.of.before:
        yield describe_change(row.of.before, group)
    yield from _list_secrets(group)
    yield from _list_fix(row)
    yield from _list_findings(row)
    if row.member is None:
        yield from _list_members(row)
    entry = row.process.entry
    yield _title(f"what the kernel reports about process {row.process.pid}")
    yield Content(printable(entry.outcome[0].upper() + entry.outcome[1:]) + ".")
    yield describe_evidence(entry.posture)


def _list_secrets(group: Group) -> Iterator[Content]:
    """Return each secret, where it was found, and who can get it."""
    if group.secrets:
        yield _title("its secrets, and who can get each of them")
    for secret in group.secrets:
        readers = [READERS[reader] for reader in readers_of(secret, group)]
        yield Content.assemble(
            (f"{printable(secret.name):<30} ", "bold"),
            (f"{secret.where:<12} ", signs.QUIET),
            ", ".join(readers) or "nobody",
        )


def _list_fix(row: Row) -> Iterator[Content]:
    yield _title("what to do")
    words, command = row.fix
    yield Content(printable(words) or "Nothing to do.")
    if command:
        yield signs.command(command)
        yield Content.styled("c copies it", signs.QUIET)


def _list_findings(row: Row) -> Iterator[Content]:
    """Return the findings and why they matter, starting with the one that explains the group."""
    findings = list(row.process.entry.findings)
    findings.sort(key=lambda finding: finding.id != row.of.group.finding)
    if not findings:
        return
    yield _title("why it matters")
    for finding in findings:
        yield signs.headline(finding)
        yield Content(RULES[finding.id].why)
        yield Content.styled(f"source: {RULES[finding.id].source}", signs.QUIET)


def _list_members(row: Row) -> Iterator[Content]:
    members = row.of.members
    yield _title("its processes")
    for member in members[:_MOST_MEMBERS]:
        changed = f"  {member.mark.change} at {clock(member.mark.at)}" if member.mark else ""
        yield Content.assemble(f"{member.pid:>8}  {member.line}", (changed, signs.QUIET))
    if len(members) > _MOST_MEMBERS:
        yield Content(f"and {len(members) - _MOST_MEMBERS} more")
