"""The details of one row: in the pane below the table, and in full."""

from __future__ import annotations

import time
from collections.abc import Iterator

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from process_hardening.audit.groups import Group
from process_hardening.audit.posture import Posture
from process_hardening.audit.reasons import REASONS
from process_hardening.audit.render.headline import count
from process_hardening.state import UNLIMITED
from process_hardening.terminal import printable
from process_hardening.tui.view import Before, Row
from process_hardening.tui.widgets import signs

_MOST_PIDS = 60


def _limit(value: int) -> str:
    return "unlimited" if value == UNLIMITED else str(value)


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(printable(str(each)) for each in value) or "none"
    return printable(str(value))


EVIDENCE = (
    ("program", "exe"),
    ("parent", "ppid"),
    ("service", "unit"),
    ("dumpable", "dumpable"),
    ("known by", "dumpable_source"),
    ("inspectable", "inspectable"),
    ("core limit", "core_limit"),
    ("tracer", "tracer_pid"),
    ("no new privileges", "no_new_privs"),
    ("seccomp", "seccomp"),
    ("confined", "confined"),
    ("capabilities", "capabilities"),
    ("other user namespace", "other_user_namespace"),
    ("loader variables", "loader_variables"),
    ("injected libraries", "injected_libraries"),
    ("runtime opens itself", "opens_itself"),
    ("secret variables", "secret_variables"),
    ("secret arguments", "secret_arguments"),
    ("Python", "python"),
    ("remote debugging", "remote_debugging"),
    ("framework", "framework"),
)
"""The fields of Posture that are shown, each with its label."""


def describe_evidence(posture: Posture) -> Content:
    """Return what the kernel reported, one line per field. Values of variables are never read."""
    lines = []
    for label, field in EVIDENCE:
        value = getattr(posture, field)
        if value is None:
            if field in ("unit", "framework"):
                continue  # most processes have none
            text = "hidden by the kernel" if field in posture.protected else "not known"
        elif field == "core_limit":
            text = f"soft {_limit(value[0])}, hard {_limit(value[1])}"
        elif field in ("python", "tracer_pid", "opens_itself") and not value:
            text = "none"
        else:
            text = _as_text(value)
        lines.append(Content.assemble((f"{label:<22}", signs.QUIET), text))
    if posture.problem:
        lines.append(Content.styled(f"not read: {printable(posture.problem)}", "$text-warning"))
    return Content("\n").join(lines)


def clock(at: float) -> str:
    """Format a time of day."""
    return time.strftime("%H:%M:%S", time.localtime(at))


def describe_reason(group: Group) -> Content:
    """Return why a group is readable, and which of its secrets can be read."""
    reason = REASONS[group.reason]
    names = printable(", ".join(secret.name for secret in group.secrets))
    is_open = group.severity is not None
    parts: list[Content | str | tuple[str, str]] = [reason[0].upper() + reason[1:]]
    if names and is_open:
        parts += [": ", (names, "bold")]
    return Content.assemble(*parts)


def describe_change(before: Before, group: Group) -> Content:
    """Return the previous and the current state of a program, one below the other."""
    return Content.assemble(
        ("before ", signs.QUIET),
        signs.risk(before.group),
        " ",
        describe_reason(before.group),
        ("\nnow    ", signs.QUIET),
        signs.risk(group),
        " ",
        describe_reason(group),
        (f", since {clock(before.at)}", signs.QUIET),
    )


def describe_fix(row: Row) -> Content:
    """Return what to do, and the command below it."""
    words, command = row.fix
    if not words and not command:
        return Content.styled("Nothing to do.", "$text-success")
    lines = [Content(printable(words))] if words else []
    if command:
        lines.append(signs.command(command))
    return Content("\n").join(lines)


def describe_members(row: Row) -> Content:
    """Return the pids of a group, or a description of one process."""
    if row.member is None:
        pids = [str(member.pid) for member in row.of.members if not member.has_ended]
        more = f" and {len(pids) - _MOST_PIDS} more" * (len(pids) > _MOST_PIDS)
        text = f"{count(len(pids), 'process', 'processes')}: {' '.join(pids[:_MOST_PIDS])}{more}"
        return Content.styled(text, signs.QUIET)
    mark = row.member.mark
    changed = f", {mark.change} at {clock(mark.at)}" if mark else ""
    text = f"process {row.member.pid} of {row.of.label}{changed}: {row.member.line}"
    return Content.styled(text, signs.QUIET)


def describe_row(row: Row) -> Content:
    """Return the reason for a row, its previous state, the fix, its processes and the evidence."""
    return Content("\n").join(_list_parts(row))


def _list_parts(row: Row) -> Iterator[Content]:
    group = row.of.group
    if row.of.before:
        yield describe_change(row.of.before, group)
    else:
        yield describe_reason(group)
    yield describe_fix(row)
    yield describe_members(row)
    yield Content("")
    yield Content.styled(f"what the kernel reports about {row.process.pid}", "bold")
    yield describe_evidence(row.process.entry.posture)


class Detail(VerticalScroll, can_focus=False):
    """Shows the row under the cursor."""

    def __init__(self) -> None:
        super().__init__(id="detail")
        self._shown: Content | None = None

    def compose(self) -> ComposeResult:
        """Yield a text."""
        yield Static("", markup=False)

    def show_row(self, row: Row | None) -> None:
        """Show a group or a process."""
        if row is None:
            self.border_title = None
            text = Content("Nothing is selected.")
        else:
            user = printable(row.of.group.user)
            self.border_title = Content(f" {row.label} of {user} ")
            text = describe_row(row)
        if self._shown is None or not text.is_same(self._shown):
            self._shown = text
            self.query_one(Static).update(text)
            self.scroll_home(animate=False)
