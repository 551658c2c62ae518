"""The strip on top: counts, the host, and how the monitor itself is protected."""

from __future__ import annotations

import time

from textual.content import Content
from textual.widgets import Static

from process_hardening.audit.rules.model import SEVERITIES
from process_hardening.state import HARDENED, Status
from process_hardening.terminal import printable
from process_hardening.tui.view import HostView, Selection, View
from process_hardening.tui.widgets import signs


def counts(view: View) -> Content:
    """How many processes there are of each verdict, and how many findings of each severity."""
    if view.audit is None:
        return Content.styled("no process can be seen", "$text-error")
    verdicts = view.audit.count_verdicts()
    parts: list[Content | str] = []
    for name, (sign, style) in signs.VERDICTS.items():
        parts += [Content.styled(f"{sign} {verdicts[name]} {name}", style), "  "]
    severities = view.audit.count_severities()
    found = [f"{severities[name]} {name}" for name in reversed(SEVERITIES) if severities[name]]
    parts.append(Content.styled(f"findings: {', '.join(found) or 'none'}", "$foreground"))
    return Content.assemble(*parts)


def host(view: HostView | None) -> Content:
    """The findings of the host."""
    if view is None:
        return Content.styled("host: looking …", "$text-muted")
    if view.problem:
        return Content.styled("host: not known", "$text-warning")
    ids = [finding.id for check in view.checks for finding in check.findings]
    unknown = sum(not check.answer.is_known for check in view.checks)
    told = f"host: {len(ids)} findings" + f", {unknown} not known" * bool(unknown)
    return Content.styled(told, "$text-warning" if ids else "$text-success")


def monitor(status: Status, late: str) -> Content:
    """How the monitor itself is protected. late -- why only since its first statement."""
    if status.verdict != HARDENED:
        return Content.assemble("this monitor: ", signs.verdict(status.verdict))
    since = "since its first statement" if late else "from its start"
    return Content.assemble("this monitor: ", signs.verdict(HARDENED), f" {since}")


class Overview(Static):
    """Three lines; markup in what they show is text."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 -- as textual has it
        super().__init__("looking …", id=id, markup=False)

    def show_state(
        self,
        view: View | None,
        host_view: HostView | None,
        own: Content,
        selection: Selection,
        pace: str,
    ) -> None:
        """Show all of it. pace -- how often is looked, or that it is paused."""
        looked = time.strftime("%H:%M:%S", time.localtime(view.at)) if view else "--:--:--"
        order = "tree" if selection.tree else f"by {selection.sort}"
        order += " reversed" * selection.descending
        only = f"  only: {selection.words}" if selection.words else ""
        notes = view.audit.notes if view and view.audit else ()
        missing = f"  incomplete: {printable('; '.join(notes))}" if notes else ""
        lines = [
            counts(view) if view else Content("looking …"),
            Content.assemble(host(host_view), "  ", own),
            Content.assemble(
                f"{looked}  {pace}  {order}",
                (only, "bold $text-accent"),
                (missing, "$text-warning"),
            ),
        ]
        self.update(Content("\n").join(lines))
