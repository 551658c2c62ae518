"""The main screen: overview, table of processes, detail of one."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input, Static

from process_hardening.terminal import printable
from process_hardening.tui.machine import Machine
from process_hardening.tui.screens.explain import ExplainScreen
from process_hardening.tui.screens.export import ExportScreen, picture_of
from process_hardening.tui.screens.host import HostScreen
from process_hardening.tui.screens.users import UsersScreen
from process_hardening.tui.view import LOST, SORTS, HostView, Mark, Row, Selection, View
from process_hardening.tui.watcher import Watcher
from process_hardening.tui.widgets import signs
from process_hardening.tui.widgets.detail import Detail
from process_hardening.tui.widgets.keys import Keys
from process_hardening.tui.widgets.overview import Overview, monitor
from process_hardening.tui.widgets.table import ProcessTable

INTERVALS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)

_MOST_NAMED = 3
"""So many processes that lost their hardening are named in one message."""


class ProcessesScreen(Screen[None]):
    """Shows what the watcher saw.

    late -- why the monitor itself was not hardened from its start, '' when it was
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        # First of all, since what follows it in one burst (ssh) is text, not commands.
        Binding(
            "slash",
            "filter",
            "Filter",
            key_display="/",
            tooltip="show rows with these words",
            priority=True,
        ),
        Binding("s", "sort", "Sort", tooltip="sort by the next column"),
        Binding("S", "reverse", "Reverse", show=False, tooltip="sort the other way round"),
        Binding("u", "user", "User", tooltip="processes of one user only"),
        Binding("p", "python", "Python", tooltip="only what runs Python"),
        Binding("e", "exposed", "Exposed", tooltip="only what can be read"),
        Binding("t", "tree", "Tree", tooltip="parents above their children"),
        Binding("escape", "clear", "Show all", show=False, tooltip="show everything again"),
        Binding("enter", "explain", "Explain", tooltip="what the findings mean"),
        Binding("c", "copy", "Copy fix", tooltip="copy the fix of the worst finding"),
        Binding("a", "attack", "Attack", tooltip="attack this process, harmlessly"),
        Binding("x", "export", "Export", tooltip="save the view as JSON, text or SVG"),
        Binding("h,d", "host", "Host", tooltip="what of this host lets others read memory"),
        Binding("v", "verify", "Verify", tooltip="attack victims of our own"),
        Binding("space", "pause", "Pause", key_display="␣", tooltip="look no more until told"),
        Binding("r", "look", "Look", show=False, tooltip="look at the processes now"),
        Binding("plus,equals_sign", "slower", "Slower", show=False, tooltip="look less often"),
        Binding("minus", "faster", "Faster", show=False, tooltip="look more often"),
    ]

    class Seen(Message):
        """The watcher saw something."""

        def __init__(self, view: View | HostView) -> None:
            super().__init__()
            self.view = view

    def __init__(self, machine: Machine, interval: float | None, late: str) -> None:
        super().__init__()
        self.machine = machine
        self.late = late
        self.watcher = Watcher(machine, interval, lambda view: self.post_message(self.Seen(view)))
        self.view: View | None = None
        self.host_view: HostView | None = None
        self.selection = Selection()
        self.own = Content("this monitor: looking …")

    def compose(self) -> ComposeResult:
        """Overview, table beside or above the detail, keys."""
        yield Overview(id="overview")
        yield Input(id="filter", placeholder="name, pid, user, verdict, PH001 …", compact=True)
        with Container(id="body"):
            yield ProcessTable(id="processes")
            yield Detail(id="detail")
        yield Static(id="problem", markup=False)
        yield Keys()

    @property
    def table(self) -> ProcessTable:
        """The table of processes."""
        return self.query_one(ProcessTable)

    def on_mount(self) -> None:
        """Begin to look once something is on the screen."""
        self.table.focus()
        self.call_after_refresh(self.start_watching)

    def start_watching(self) -> None:
        """Look at the host and the processes."""
        if not self.app.is_headless:  # a program of tests has many monitors, and wants them freed
            # What is there by now stays: going through it would hold all threads up.
            gc.freeze()
        self.watcher.look_at_host()
        self.watcher.start()

    def on_unmount(self) -> None:
        """Look no more."""
        self.watcher.stop()

    def on_processes_screen_seen(self, event: Seen) -> None:
        """Show what the watcher saw."""
        if isinstance(event.view, HostView):
            self.host_view = event.view
            for screen in self.app.screen_stack:
                if isinstance(screen, HostScreen):
                    screen.show_host(event.view)
            self.show_state()
            return
        self.view = event.view
        self.own = monitor(self.machine.own_status(), self.late)
        self.show_problem()
        self.show_rows()
        self.warn_of_losses()

    def show_problem(self) -> None:
        """When nothing can be seen: why, and what is known all the same."""
        problem = self.view.problem if self.view else ""
        self.set_class(bool(problem), "-problem")
        if problem:
            status = self.machine.own_status()
            lines = [
                Content.styled("The processes cannot be seen:", "bold $text-error"),
                Content(printable(problem)),
                Content(""),
                Content("What is known is how this monitor itself is protected:"),
                Content.assemble("  verdict: ", signs.verdict(status.verdict)),
                *(Content(f"  {name}: {told}") for name, told in _facts(status)),
                Content(""),
                Content.styled("It is tried again; q ends the monitor.", "$text-muted"),
            ]
            self.query_one("#problem", Static).update(Content("\n").join(lines))

    def show_rows(self) -> None:
        """Fill the table."""
        rows = self.selection.of(self.view.rows) if self.view else ()
        sort = "" if self.selection.tree else self.selection.sort
        self.table.show_rows(rows, sort)
        self.show_state()

    def show_state(self) -> None:
        """Fill the overview."""
        seconds = self.watcher.seconds
        pace = "PAUSED" if self.watcher.paused else f"every {round(seconds, 1):g} s"
        self.query_one(Overview).show_state(
            self.view, self.host_view, self.own, self.selection, pace
        )

    def warn_of_losses(self) -> None:
        """Say which processes lost their hardening in the last look."""
        view = self.view
        if view is None:
            return
        lost = [row for row in view.rows if row.mark and row.mark == Mark(LOST, view.at)]
        if lost:
            named = ", ".join(f"{row.pid} {row.name}" for row in lost[:_MOST_NAMED])
            more = f" and {len(lost) - _MOST_NAMED} more" * (len(lost) > _MOST_NAMED)
            self.notify(f"{named}{more}", title="Lost hardening", severity="error", markup=False)

    @on(ProcessTable.Chosen)
    def show_detail(self, event: ProcessTable.Chosen) -> None:
        """Tell of the chosen process."""
        self.query_one(Detail).show_row(event.row)

    @property
    def chosen(self) -> Row | None:
        """The row that actions are about; says so when there is none."""
        row = self.table.chosen
        if row is None:
            self.notify("no process is chosen", severity="warning")
        return row

    def select(self, selection: Selection) -> None:
        """Show other rows, or in another order."""
        self.selection = selection
        self.show_rows()

    # Which rows, in what order

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 -- Textual's signature
        """While words are typed, a slash is one of them: the key is shown, but does nothing."""
        return None if action == "filter" and isinstance(self.focused, Input) else True

    def action_filter(self) -> None:
        """Ask for words."""
        self.add_class("-filtering")
        self.set_focus(self.query_one("#filter", Input))

    @on(Input.Changed, "#filter")
    def filter_rows(self, event: Input.Changed) -> None:
        """Show what has the words."""
        self.select(replace(self.selection, text=event.value))

    @on(Input.Submitted, "#filter")
    def end_filter(self) -> None:
        """Back to the table, with the filter in force."""
        self.table.focus()
        self.set_class(bool(self.selection.text), "-filtering")

    def action_clear(self) -> None:
        """Show everything again, in the same order."""
        self.query_one("#filter", Input).value = ""
        self.remove_class("-filtering")
        self.table.focus()
        order = self.selection
        self.select(Selection(sort=order.sort, descending=order.descending, tree=order.tree))

    def action_sort(self) -> None:
        """Sort by the next column."""
        names = list(SORTS)
        at = names.index(self.selection.sort) + (not self.selection.tree)
        self.sort_by(names[at % len(names)])

    def action_reverse(self) -> None:
        """Sort the other way round."""
        self.select(replace(self.selection, descending=not self.selection.descending, tree=False))

    @on(ProcessTable.SortWanted)
    def sort_by_title(self, event: ProcessTable.SortWanted) -> None:
        """Sort by the clicked column; the other way round when it is sorted by that already."""
        if event.sort == self.selection.sort and not self.selection.tree:
            self.action_reverse()
        else:
            self.sort_by(event.sort)

    def sort_by(self, sort: str) -> None:
        """Sort by a column."""
        self.select(replace(self.selection, sort=sort, descending=False, tree=False))

    def action_user(self) -> None:
        """Ask for a user."""
        rows = self.view.rows if self.view else ()
        screen = UsersScreen([row.user for row in rows], self.selection.user)
        self.app.push_screen(screen, self.choose_user)

    def choose_user(self, user: str | None) -> None:
        """Show the processes of a user; '': of all; None: nothing was chosen."""
        if user is not None:
            self.select(replace(self.selection, user=user or None))

    def action_python(self) -> None:
        """Only what runs Python, or all."""
        self.select(replace(self.selection, python=not self.selection.python))

    def action_exposed(self) -> None:
        """Only what is exposed, or all."""
        self.select(replace(self.selection, exposed=not self.selection.exposed))

    def action_tree(self) -> None:
        """Parents above their children, or sorted."""
        self.select(replace(self.selection, tree=not self.selection.tree))

    # When to look

    def action_pause(self) -> None:
        """Look no more, or again."""
        self.watcher.paused = not self.watcher.paused
        if self.watcher.paused:
            self.watcher.reconsider()
        else:
            self.watcher.look_now()
        self.show_state()

    def action_look(self) -> None:
        """Look now."""
        self.watcher.look_now()

    def action_slower(self) -> None:
        """Look less often."""
        self.set_interval_to(
            next((i for i in INTERVALS if i > self.watcher.seconds), INTERVALS[-1])
        )

    def action_faster(self) -> None:
        """Look more often."""
        self.set_interval_to(
            next((i for i in reversed(INTERVALS) if i < self.watcher.seconds), INTERVALS[0])
        )

    def set_interval_to(self, seconds: float) -> None:
        """Look that often."""
        self.watcher.interval = seconds
        self.watcher.reconsider()
        self.show_state()

    # What to do about a process

    @on(ProcessTable.Opened)
    def action_explain(self) -> None:
        """Explain the findings of the chosen process."""
        row = self.chosen
        if row is not None:
            self.app.push_screen(ExplainScreen(f"{row.pid} {row.name}", row.entry.findings))

    def action_copy(self) -> None:
        """Copy the fix of the worst finding."""
        row = self.chosen
        if row is None:
            return
        if not row.entry.findings:
            self.notify("nothing is found that could be fixed")
            return
        finding = row.entry.findings[0]
        fix = signs.copyable(finding)
        self.app.copy_to_clipboard(fix)
        self.notify(fix, title=f"Copied the fix of {finding.id}", markup=False)

    def action_attack(self) -> None:
        """Attack the chosen process, after a look at what that means."""
        row = self.chosen
        if row is not None:
            self.attack(row.pid, row.name)

    def action_export(self) -> None:
        """Save what is shown."""
        if self.view is None or self.view.audit is None:
            self.notify("there is nothing to save yet", severity="warning")
            return
        rows = self.table.rows
        svg = picture_of(self.app)
        self.app.push_screen(ExportScreen(self.view.audit, rows, svg, self.machine.now()))

    # Other screens

    def action_host(self) -> None:
        """Show the host."""
        self.app.push_screen(HostScreen(self.host_view, self.watcher))

    def action_verify(self) -> None:
        """Attack victims of our own."""
        self.attack(None, "")

    def attack(self, pid: int | None, name: str) -> None:
        """The screen that attacks."""
        from process_hardening.tui.screens.verify import VerifyScreen  # and all that attacks

        self.app.push_screen(VerifyScreen(self.machine, pid, name))


def _facts(status: object) -> list[tuple[str, str]]:
    """What the kernel says of the monitor itself."""
    told = []
    for name in ("inspectable", "dumpable", "core_limit", "tracer_pid", "loader_variables"):
        value = getattr(status, name)
        told.append((name, "not known" if value is None else str(value)))
    return told
