"""The pane that tells everything about one process."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from process_hardening.audit.posture import Posture
from process_hardening.audit.procfs import UNLIMITED
from process_hardening.terminal import printable
from process_hardening.tui.view import Row
from process_hardening.tui.widgets import signs


def _limit(value: int) -> str:
    return "unlimited" if value == UNLIMITED else str(value)


def _told(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(printable(str(each)) for each in value) or "none"
    return printable(str(value))


EVIDENCE = (
    ("program", "exe"),
    ("parent", "ppid"),
    ("dumpable", "dumpable"),
    ("known by", "dumpable_source"),
    ("may be inspected", "inspectable"),
    ("core limit", "core_limit"),
    ("tracer", "tracer_pid"),
    ("no new privileges", "no_new_privs"),
    ("seccomp", "seccomp"),
    ("confined", "confined"),
    ("capabilities", "capabilities"),
    ("other user namespace", "other_user_namespace"),
    ("loader variables", "loader_variables"),
    ("injected libraries", "injected_libraries"),
    ("secret variables", "secret_variables"),
    ("secret arguments", "secret_arguments"),
    ("Python", "python"),
    ("remote debugging", "remote_debugging"),
    ("framework", "framework"),
)
"""Label, and field of Posture."""


def evidence(posture: Posture) -> Content:
    """What the kernel said, a line a field. Values of variables are never read."""
    lines = []
    for label, field in EVIDENCE:
        value = getattr(posture, field)
        if value is None:
            told = "protected from us" if field in posture.protected else "not known"
        elif field == "core_limit":
            told = f"soft {_limit(value[0])}, hard {_limit(value[1])}"
        elif (field == "python" and not value) or (field == "tracer_pid" and not value):
            told = "none"
        else:
            told = _told(value)
        lines.append(Content.assemble((f"{label + ':':<22}", "$text-muted"), told))
    if posture.problem:
        lines.append(Content.styled(f"not read: {printable(posture.problem)}", "$text-warning"))
    return Content("\n").join(lines)


def describe(row: Row) -> Content:
    """Who it is, what an attacker gets, why, the fix, the evidence."""
    posture = row.entry.posture
    head = Content.assemble(
        (f"{row.pid} {row.name}", "bold"), f" of {row.user}: ", signs.verdict(row.verdict)
    )
    parts = [head]
    if row.mark:
        sign, style = signs.CHANGES[row.mark.change]
        parts.append(Content.styled(f"{sign} {row.mark.change}", style))
    parts += [Content(""), Content(printable(row.entry.outcome[0].upper() + row.entry.outcome[1:]))]
    for finding in row.entry.findings:
        parts += [
            Content(""),
            signs.headline(finding),
            Content.assemble(("why: ", "$text-muted"), finding.rule.why),
            Content.assemble(("fix: ", "$text-muted"), printable(finding.fix)),
        ]
    parts += [Content(""), evidence(posture)]
    return Content("\n").join(parts)


class Detail(VerticalScroll):
    """Follows the cursor of the table."""

    def compose(self) -> ComposeResult:
        """One text."""
        yield Static("", markup=False)

    def show_row(self, row: Row | None) -> None:
        """Tell of a process."""
        self.query_one(Static).update(describe(row) if row else "no process is chosen")
