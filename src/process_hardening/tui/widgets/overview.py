"""The strip at the top: who can read secrets, since when, and how the monitor is protected."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from process_hardening.audit.render.headline import count, render_headline
from process_hardening.audit.render.screen import describe_exposure
from process_hardening.state import HARDENED, Status
from process_hardening.terminal import printable
from process_hardening.tui.view import HostView, View
from process_hardening.tui.widgets import signs

BARS = "▁▂▃▄▅▆▇█"
_FEWEST_BARS = 8
_MOST_BARS = 40
_MOST_LINES = 2


def draw_bars(values: Sequence[int], cells: int) -> str:
    """Return a bar per value, or per run of values (for its largest); the newest is on the right.

    Textual's Sparkline scales from the lowest value to the highest, so a rise from forty secrets to
    forty-one would look like a rise from none to all. These bars start at zero.
    """
    each = -(-len(values) // cells) or 1
    start = len(values) % each
    buckets = ([values[:start]] if start else []) + [
        values[i : i + each] for i in range(start, len(values), each)
    ]
    most = max(values, default=0) or 1
    return "".join(BARS[max(bucket) * (len(BARS) - 1) // most] for bucket in buckets)


def describe_time(seconds: float) -> str:
    """Format a duration: '40 s', '12 min', '3 h'."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"


def describe_secrets_over_time(view: View, cells: int) -> Content:
    """Return a bar per update, followed by how many secrets are open now, and to whom."""
    counts = [number for _, number in view.exposed]
    opened = describe_exposure(view.audit) if view.audit else ""
    opened = opened or "Secrets open: none."
    over = f" {describe_time(view.at - view.exposed[0][0])}  " if counts else ""
    room = max(cells - len(opened) - len(over), _FEWEST_BARS)
    style = "$text-error" if counts and counts[-1] else "$text-success"
    bars = draw_bars(counts, min(room, _MOST_BARS))
    return Content.assemble((bars, style), (over, signs.QUIET), opened)


def describe_host(view: HostView | None) -> Content:
    """Return how many settings of the host help an attacker."""
    if view is None:
        return Content.styled("host: checking", signs.QUIET)
    if view.diagnosis is None:
        return Content.styled("host: not known", "$text-warning")
    number = len(view.diagnosis.findings)
    style = "$text-warning" if number else "$text-success"
    return Content.styled(f"host: {count(number, 'finding')}", style)


def describe_monitor(status: Status, late: str) -> Content:
    """Return how the monitor is protected. late -- why it was not hardened from the start."""
    if status.verdict != HARDENED:
        return Content.assemble("monitor: ", signs.verdict(status.verdict))
    since = " since its first statement" if late else ""
    return Content.assemble("monitor: ", signs.verdict(HARDENED), since)


class Overview(Static):
    """Three lines, or four if the first is long; markup in their contents is shown as text."""

    def __init__(self) -> None:
        super().__init__("\nreading processes …\n", id="overview", markup=False)
        self._height = 3

    def show_state(self, view: View | None, host: HostView | None, own: Content) -> None:
        """Show everything. own -- how the monitor itself is protected."""
        if view is None:
            return
        lines = [*self._describe_secrets(view), self._count_processes(view, host, own)]
        height, self._height = self._height, len(lines)
        self.update(Content("\n").join(lines), layout=height != len(lines))

    def _describe_secrets(self, view: View) -> list[Content]:
        if view.audit is None:
            return [Content.styled("No process can be read.", "bold $text-error"), Content("")]
        width = self.content_size.width
        style = "bold $text-error" if view.exposed[-1][1] else "bold $text-success"
        headline = textwrap.wrap(render_headline(view.audit), max(width, 40))
        return [
            *(Content.styled(line, style) for line in headline[:_MOST_LINES]),
            describe_secrets_over_time(view, width),
        ]

    def _count_processes(self, view: View, host: HostView | None, own: Content) -> Content:
        facts = view.facts
        notes = "; ".join(view.audit.notes) if view.audit else ""
        return Content.assemble(
            count(facts.processes, "process", "processes"),
            f"  {facts.readable} readable  ",
            (f"{facts.hardened} hardened", "$text-success"),
            "  ",
            describe_host(host),
            "  ",
            own,
            (f"  incomplete: {printable(notes)}" if notes else "", "$text-warning"),
        )
