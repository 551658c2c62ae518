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

from process_hardening.verify.render import text
from process_hardening.terminal import printable
from process_hardening.tui.attacker import Attacker
from process_hardening.tui.machine import Machine
from process_hardening.tui.widgets.keys import Keys
from process_hardening.verify.run import (
    CONTROL,
    VICTIMS,
    AttackResult,
    Progress,
    Verification,
)

_LONGEST_NAME = 18

_STYLES = {
    "blocked": "green",
    "LEAKED": "bold red",
    "leaked*": "yellow",
    "inconclusive": "yellow",
    "unavailable": "dim",
}


class VerifyScreen(Screen[None]):
    """Starts attacks when told, shows what came of each, stops when told.

    pid -- the process to attack; None: victims of our own. name -- what it is called
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "start", "Start", priority=True),
        Binding("t", "tools", "Tools too", tooltip="attack with gdb, strace, py-spy, ... as well"),
        Binding("escape,v", "stop", "Stop, back"),
    ]

    class Progressed(Message):
        """An attempt was made."""

        def __init__(self, progress: Progress) -> None:
            super().__init__()
            self.progress = progress

    class Ended(Message):
        """The attacks are over; verification -- None when they failed or were stopped."""

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
        """What it is about, how far it is, the table, and the words of the kernel."""
        yield Static("", id="about", markup=False)
        yield ProgressBar(show_eta=False)
        yield DataTable[Text](cursor_type="row", zebra_stripes=True)
        yield Static("", id="evidence", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Say what will be done; do nothing yet."""
        table: DataTable[Text] = self.query_one(DataTable)
        table.add_column("attack", width=_LONGEST_NAME)
        table.add_column(CONTROL, width=len("inconclusive"))
        table.add_columns(*self.victims)
        table.focus()
        self.show_plan()

    def on_unmount(self) -> None:
        """Leave nothing running."""
        if self.attacker:
            self.attacker.cancel()

    @property
    def is_attacking(self) -> bool:
        """Whether attacks are under way."""
        return self.attacker is not None and self.attacker.is_alive()

    def show_plan(self) -> None:
        """What Enter will do."""
        tools = "built-in attacks and real tools" if self.with_tools else "built-in attacks"
        if self.pid is None:
            plan = (
                f"Enter attacks victims of our own, hardened in different ways, with {tools};"
                " each attack counts only if it gets a secret out of the unhardened control."
            )
        else:
            plan = (
                f"Enter attacks {self.pid} {self.target} with {tools}, those only that read: it may"
                " stop for a moment and is left as it was. The control is a program of ours."
            )
        self.tell(plan)

    def tell(self, words: str) -> None:
        """The line on top."""
        self.query_one("#about", Static).update(printable(words))

    def action_tools(self) -> None:
        """With tools, or without."""
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
        self.tell("attacking …")
        self.attacker = Attacker(
            self.machine,
            self.pid,
            self.with_tools,
            lambda progress: self.post_message(self.Progressed(progress)),
            lambda verification, problem: self.post_message(self.Ended(verification, problem)),
        )
        self.attacker.start()

    def action_stop(self) -> None:
        """Stop the attacks; go back when there are none."""
        if self.attacker and self.is_attacking:
            self.attacker.cancel()
            self.tell("stopping …")
        else:
            self.dismiss()

    def on_verify_screen_progressed(self, event: Progressed) -> None:
        """Show how far it is, and a row when one is complete."""
        progress = event.progress
        self.query_one(ProgressBar).update(total=progress.total, progress=progress.done)
        self.tell(f"{progress.done} of {progress.total}: {progress.attack} on {progress.victim}")
        if progress.row:
            self.add(progress.row)

    def add(self, row: AttackResult) -> None:
        """One more row."""
        self.results.append(row)
        words = [row.control, *(text.cell(row.victims.get(victim)) for victim in self.victims)]
        cells = [Text(word, style=_STYLES.get(word, "")) for word in words]
        table: DataTable[Text] = self.query_one(DataTable)
        table.add_row(Text(row.name), *cells)
        if len(self.results) == 1:
            self.show_evidence()

    @on(DataTable.RowHighlighted)
    def show_evidence(self) -> None:
        """What the kernel or the tool said."""
        at = self.query_one(DataTable).cursor_row
        if 0 <= at < len(self.results):
            row = self.results[at]
            said = f"{row.name}: {row.summary}\n{text.evidence_of(row)}"
            self.query_one("#evidence", Static).update(
                "\n".join(printable(line) for line in said.splitlines())
            )

    def on_verify_screen_ended(self, event: Ended) -> None:
        """Say what came of it."""
        if event.verification is None:
            self.tell(event.problem)
            return
        notes = "".join(f" Note: {note}." for note in event.verification.notes)
        self.tell(text.summary(event.verification) + notes)
