"""Attacks, live: the control beside each victim."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import DataTable, ProgressBar, Static

from process_hardening.terminal import printable
from process_hardening.tui.attacker import Attacker
from process_hardening.tui.machine import Machine
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

_STYLES = {
    BLOCKED: "green",
    LEAKED: "bold red",
    EXPECTED: "yellow",
    INCONCLUSIVE: "yellow",
    UNAVAILABLE: "",
}
# A control that leaked is as it should be: no colour.
_CONTROL_STYLES = {LEAKED: "", INCONCLUSIVE: "yellow", UNAVAILABLE: "dim"}


class VerifyScreen(Screen[None]):
    """Starts attacks on Enter, shows the result of each, stops on Escape.

    pid -- the process to attack; None: victims of ours
    target -- the name of the process
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "start", "Start", priority=True),
        Binding(
            "t",
            "tools",
            "Tools too",
            tooltip="also attack with gdb, strace, py-spy and other tools",
        ),
        Binding("escape,v", "stop", "Stop, back"),
    ]

    class Progressed(Message):
        """An attempt was made."""

        def __init__(self, progress: Progress) -> None:
            super().__init__()
            self.progress = progress

    class Ended(Message):
        """The attacks ended; verification is None when they failed or were stopped."""

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
        """The plan, the progress, the table, and the evidence of one row."""
        yield Static("", id="about", markup=False)
        yield ProgressBar(show_eta=False)
        yield DataTable[Text](cursor_type="row", zebra_stripes=True)
        yield Static("", id="evidence", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Show the plan; attack nothing yet."""
        table: DataTable[Text] = self.query_one(DataTable)
        table.add_column("attack", width=_LONGEST_NAME)
        table.add_column(CONTROL, width=len("inconclusive"))
        table.add_columns(*self.victims)
        table.focus()
        self.show_plan()

    def on_unmount(self) -> None:
        """Stop the attacks."""
        if self.attacker:
            self.attacker.cancel()

    @property
    def is_attacking(self) -> bool:
        """Whether attacks are running."""
        return self.attacker is not None and self.attacker.is_alive()

    def show_plan(self) -> None:
        """Show what Enter does."""
        attacks = "built-in attacks and external tools" if self.with_tools else "built-in attacks"
        if self.pid is None:
            plan = (
                f"Enter attacks sample programs, hardened in different ways, with {attacks}; an"
                " attack counts only if it gets a secret out of the unhardened control."
            )
        else:
            plan = (
                f"Enter attacks {self.pid} {self.target} with {attacks} that only read: it may"
                " pause for a moment and is left unchanged. The control is a sample program."
            )
        self.show_message(plan)

    def show_message(self, message: str) -> None:
        """Show a message at the top."""
        self.query_one("#about", Static).update(printable(message))

    def action_tools(self) -> None:
        """Switch tools on or off."""
        if not self.is_attacking:
            self.with_tools = not self.with_tools
            self.show_plan()

    def action_start(self) -> None:
        """Attack."""
        if self.is_attacking:
            return
        self.query_one(DataTable).clear()
        self.query_one("#evidence", Static).update("")
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
        """Stop the attacks; go back when none are running."""
        if self.attacker and self.is_attacking:
            self.attacker.cancel()
            self.show_message("stopping …")
        else:
            self.dismiss()

    def on_verify_screen_progressed(self, event: Progressed) -> None:
        """Show the progress, and a row when one is complete."""
        progress = event.progress
        self.query_one(ProgressBar).update(total=progress.total, progress=progress.done)
        self.show_message(
            f"{progress.done} of {progress.total}: {progress.attack} on {progress.victim}"
        )
        if progress.row:
            self.add(progress.row)

    def add(self, row: AttackResult) -> None:
        """Add a row."""
        self.results.append(row)
        control = Text(row.control, style=_CONTROL_STYLES[row.control])
        marks = [text.mark_of(row.victims.get(victim)) for victim in self.victims]
        cells = [Text(text.LABELS[mark], style=_STYLES[mark]) for mark in marks]
        table: DataTable[Text] = self.query_one(DataTable)
        table.add_row(Text(row.name), control, *cells)
        if len(self.results) == 1:
            self.show_evidence()

    @on(DataTable.RowHighlighted)
    def show_evidence(self) -> None:
        """Show the message of the kernel or the tool for the chosen row."""
        at = self.query_one(DataTable).cursor_row
        if 0 <= at < len(self.results):
            row = self.results[at]
            evidence = f"{row.name}: {row.summary}\n{text.evidence_of(row)}"
            self.query_one("#evidence", Static).update(
                "\n".join(printable(line) for line in evidence.splitlines())
            )

    def on_verify_screen_ended(self, event: Ended) -> None:
        """Show the result."""
        if event.verification is None:
            self.show_message(event.problem)
            return
        notes = "".join(f" Note: {note}." for note in event.verification.notes)
        self.show_message(text.summary(event.verification) + notes)
