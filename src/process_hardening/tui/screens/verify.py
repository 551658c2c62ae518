"""The attack screen: what each attack got from the control and each victim, and the messages."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import DataTable, ProgressBar, Static

from process_hardening.terminal import printable
from process_hardening.tui.attacker import Attacker
from process_hardening.tui.machine import Machine
from process_hardening.tui.widgets import signs
from process_hardening.tui.widgets.keys import Keys
from process_hardening.verify import (
    BLOCKED,
    CONTROL,
    EXPECTED,
    INCONCLUSIVE,
    LEAKED,
    UNAVAILABLE,
    VICTIMS,
    AttackResult,
    Progress,
    Verification,
)
from process_hardening.verify.render import text

_LONGEST_NAME = 18
_LONGEST_OUTCOME = len("inconclusive 6 of 6")

_STYLES = {
    LEAKED: "bold $text-error",
    EXPECTED: "$text-warning",
    INCONCLUSIVE: "$text-warning",
    BLOCKED: "$text-success",
    UNAVAILABLE: signs.QUIET,
}
"""The style of each outcome, worst first."""

# A leak from the control is expected: no colour.
_CONTROL_STYLES = {LEAKED: "", INCONCLUSIVE: "$text-warning", UNAVAILABLE: signs.QUIET}


class VerifyScreen(Screen[None]):
    """Starts attacks on Enter, shows the result of each, and stops them on Escape.

    pid -- the process to attack; None: sample programs
    target -- the name of the process
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "start", "Start", key_display="enter", priority=True),
        Binding(
            "t",
            "tools",
            "Tools",
            tooltip="also attack with gdb, strace, py-spy and other tools",
        ),
        Binding("escape,v", "stop", "Stop, back"),
    ]

    class Progressed(Message):
        """An attempt is complete."""

        def __init__(self, progress: Progress) -> None:
            super().__init__()
            self.progress = progress

    class Ended(Message):
        """The attacks ended; verification is None if they failed or were stopped."""

        def __init__(self, verification: Verification | None, problem: str) -> None:
            super().__init__()
            self.verification = verification
            self.problem = problem

    def __init__(self, machine: Machine, pid: int | None = None, target: str = "") -> None:
        super().__init__()
        self.machine = machine
        self.pid = pid
        self.target = target
        self.with_tools = False
        self.attacker: Attacker | None = None
        self.results: list[AttackResult] = []
        self.victims = VICTIMS if pid is None else (f"pid {pid}",)

    def compose(self) -> ComposeResult:
        """Yield the plan, the progress, the table, and details of one row."""
        target = f"process {self.pid} {self.target}" if self.pid else "sample programs"
        yield Static(printable(f"Attacks on {target}"), classes="title", markup=False)
        yield Static("", id="about", markup=False)
        yield ProgressBar(show_eta=False)
        yield DataTable[Text](cursor_type="row")
        with VerticalScroll(id="evidence", can_focus=False):
            yield Static("", id="outcomes", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Show the plan; attack nothing yet."""
        table: DataTable[Text] = self.query_one(DataTable)
        table.add_column("ATTACK", width=_LONGEST_NAME)
        table.add_column(CONTROL.upper(), width=len("inconclusive"))
        several = len(self.victims) > 1
        title = f"{len(self.victims)} VICTIMS" if several else self.victims[0].upper()
        table.add_column(title, width=_LONGEST_OUTCOME if several else len("inconclusive"))
        table.add_column("KERNEL MESSAGE")
        table.focus()
        self.show_plan()

    def on_unmount(self) -> None:
        """Stop the attacks."""
        if self.attacker:
            self.attacker.cancel()

    @property
    def is_attacking(self) -> bool:
        """Return whether attacks are running."""
        return self.attacker is not None and self.attacker.is_alive()

    def show_plan(self) -> None:
        """Explain what Enter does."""
        attacks = "built-in attacks and external tools" if self.with_tools else "built-in attacks"
        if self.pid is None:
            plan = (
                "Press Enter to attack sample programs, each hardened in a different way, with"
                f" {attacks}. An attack counts only if it gets a secret from the unhardened"
                " control."
            )
        else:
            plan = (
                f"Press Enter to attack {self.pid} {self.target} with {attacks} that only read. The"
                " process may pause briefly but is left unchanged. The control is a sample program."
            )
        self.show_message(plan)

    def show_message(self, message: str) -> None:
        """Show a message at the top."""
        self.query_one("#about", Static).update(printable(message))

    def action_tools(self) -> None:
        """Switch the external tools on or off."""
        if not self.is_attacking:
            self.with_tools = not self.with_tools
            self.show_plan()

    def action_start(self) -> None:
        """Attack."""
        if self.is_attacking:
            return
        self.query_one(DataTable).clear()
        self.query_one("#outcomes", Static).update("")
        self.results = []
        self.show_message("attacking …")
        self.attacker = Attacker(
            self.machine,
            self.pid,
            self.with_tools,
            lambda progress: self.post_message(self.Progressed(progress)),
            lambda verification, problem: self.post_message(self.Ended(verification, problem)),
        )
        self.attacker.start()

    def action_stop(self) -> None:
        """Stop the attacks; go back if none are running."""
        if self.attacker and self.is_attacking:
            self.attacker.cancel()
            self.show_message("stopping …")
        else:
            self.dismiss()

    def on_verify_screen_progressed(self, event: Progressed) -> None:
        """Show the progress, and each complete row."""
        progress = event.progress
        self.add_class("-attacking")  # without a total, the bar would move before anything runs
        self.query_one(ProgressBar).update(total=progress.total, progress=progress.done)
        self.show_message(
            f"{progress.done} of {progress.total}: {progress.attack} on {progress.victim}"
        )
        if progress.row:
            self.add(progress.row)

    def add(self, row: AttackResult) -> None:
        """Add a row."""
        self.results.append(row)
        mark, outcome = self._conclude(row)
        cells = (
            Text(row.name),
            Text(row.control, style=self._style(_CONTROL_STYLES[row.control])),
            Text(outcome, style=self._style(_STYLES[mark])),
            Text(printable(" ".join(text.evidence_of(row).split()))),
        )
        table: DataTable[Text] = self.query_one(DataTable)
        table.add_row(*cells)
        if len(self.results) == 1:
            self.show_evidence()

    def _style(self, style: str) -> str:
        return signs.rich_style(self.app, style)

    def _conclude(self, row: AttackResult) -> tuple[str, str]:
        """Return the worst outcome among the victims, and how many victims have it."""
        counts = Counter(text.mark_of(row.victims.get(victim)) for victim in self.victims)
        mark = next(mark for mark in _STYLES if counts[mark])
        label = text.LABELS[mark]
        if len(self.victims) == 1 or mark == UNAVAILABLE:
            return mark, label
        return mark, f"{label} {counts[mark]} of {len(self.victims)}"

    @on(DataTable.RowHighlighted)
    def show_evidence(self) -> None:
        """Show what the selected attack does, and each outcome with the kernel's message."""
        at = self.query_one(DataTable).cursor_row
        if not 0 <= at < len(self.results):
            return
        row = self.results[at]
        lines = [Content.assemble((row.name, "bold"), f": {printable(row.summary)}")]
        lines.append(_describe(CONTROL, row.control, _CONTROL_STYLES[row.control], row.detail))
        for victim in self.victims:
            result = row.victims.get(victim)
            mark = text.mark_of(result)
            evidence = result.evidence if result else ""
            lines.append(_describe(victim, text.LABELS[mark], _STYLES[mark], evidence))
        self.query_one("#outcomes", Static).update(Content("\n").join(lines))

    def on_verify_screen_ended(self, event: Ended) -> None:
        """Show the result."""
        self.remove_class("-attacking")
        if event.verification is None:
            self.show_message(event.problem)
            return
        shown = {row.name for row in self.results}
        for row in event.verification.attacks:
            if row.name not in shown:  # not made, because it could harm the process
                self.add(row)
        notes = "".join(f" Note: {note}." for note in event.verification.notes)
        self.show_message(text.summary(event.verification) + notes)


def _describe(name: str, outcome: str, style: str, evidence: str) -> Content:
    """Return one outcome and its description."""
    words = printable(" ".join(evidence.split()))
    return Content.assemble(
        f"{name:<{_LONGEST_NAME}} ", (f"{outcome:<12} ", style), (words, signs.QUIET)
    )
