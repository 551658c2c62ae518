"""The main screen: overview, table of groups, details and actions for one of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input, Static

from process_hardening.audit.reasons import HARDENED, REASONS
from process_hardening.state import Status
from process_hardening.terminal import printable
from process_hardening.tui.machine import Machine
from process_hardening.tui.selection import CHIPS, SORTS, Selection
from process_hardening.tui.view import HostView, Key, Row, View
from process_hardening.tui.watcher import Watcher, collect_garbage_rarely
from process_hardening.tui.widgets import signs
from process_hardening.tui.widgets.chips import Chips
from process_hardening.tui.widgets.detail import Detail
from process_hardening.tui.widgets.keys import Keys
from process_hardening.tui.widgets.overview import Overview, describe_monitor
from process_hardening.tui.widgets.table import GroupTable

TYPE_CHECKING = False  # loaded on demand
if TYPE_CHECKING:
    from process_hardening.tui.screens.host import HostScreen

INTERVALS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)

_MOST_NEWS = 3
"""The maximum number of changed programs that get separate messages."""


class ProcessesScreen(Screen[None]):
    """Shows what the watcher has seen.

    late -- why the monitor itself was not hardened from the start; '' if it was
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        # First, because keys that arrive in one burst after it (over ssh) are text, not commands.
        Binding("slash", "filter", "Filter", key_display="/", priority=True,
                tooltip="show only groups and processes with these words"),
        Binding("enter", "more", "More", key_display="enter",
                tooltip="show everything about the selected row"),
        Binding("space", "flip", "Open", tooltip="open or close the group"),
        Binding("right", "open(True)", "Open group", show=False, tooltip="show its processes"),
        Binding("left", "open(False)", "Close group", show=False, tooltip="hide its processes"),
        Binding("o", "open_all", "Open all", show=False, tooltip="show or hide all processes"),
        Binding("c", "copy", "Copy fix", tooltip="copy the command of the selected row"),
        Binding("a", "attack", "Attack", tooltip="attack the selected process without harming it"),
        *(
            Binding(str(number), f"chip('{name}')", label.capitalize(), show=False, tooltip=shows)
            for number, (name, (label, shows)) in enumerate(CHIPS.items(), 1)
        ),
        Binding("escape", "clear", "Show all", show=False, tooltip="clear filter and chips"),
        Binding("s", "sort", "Sort", show=False, tooltip="sort by the next column"),
        Binding("S", "reverse", "Reverse", show=False, tooltip="reverse the sort order"),
        Binding("h,d", "host", "Host", tooltip="show which settings of this host help an attacker"),
        Binding("v", "verify", "Verify", show=False, tooltip="attack sample programs"),
        Binding("x", "export", "Save", tooltip="save the current view as JSON, text or SVG"),
        Binding("p", "pause", "Pause", show=False, tooltip="pause or resume updates"),
        Binding("r", "look", "Refresh", show=False, tooltip="update now"),
        Binding("plus,equals_sign", "slower", "Slower", show=False, tooltip="update less often"),
        Binding("minus", "faster", "Faster", show=False, tooltip="update more often"),
    ]  # fmt: skip

    AUTO_FOCUS = "GroupTable"

    class Seen(Message):
        """The watcher has a new view."""

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
        self.host_screen: HostScreen | None = None
        self.selection = Selection()
        self.opened: frozenset[Key] = frozenset()
        self.own = Content("")

    def compose(self) -> ComposeResult:
        """Yield overview, chips, table next to or above the detail, and keys."""
        yield Overview()
        yield Chips()
        yield Input(
            id="filter",
            placeholder="program, pid, user, secret, PH001 …",
            compact=True,
            select_on_focus=False,
        )
        with Container(id="body"):
            yield GroupTable()
            yield Detail()
        yield Static(id="problem", markup=False)
        yield Keys()

    @property
    def table(self) -> GroupTable:
        """The table of groups."""
        return self.query_one(GroupTable)

    def on_mount(self) -> None:
        """Start the watcher once something is on the screen."""
        self.table.focus()
        self.call_after_refresh(self.start_watching)

    def start_watching(self) -> None:
        """Start watching the host and the processes."""
        if not self.app.is_headless:  # a test program creates many monitors, which must be freed
            collect_garbage_rarely()
        self.watcher.look_at_host()
        self.watcher.start()

    def on_unmount(self) -> None:
        """Stop the watcher."""
        self.watcher.stop()

    # Views

    def on_processes_screen_seen(self, event: Seen) -> None:
        """Show a new view from the watcher."""
        if isinstance(event.view, HostView):
            self.host_view = event.view
            if self.host_screen and self.host_screen.is_attached:
                self.host_screen.show_host(event.view)
            self.show_state()
            return
        self.view = event.view
        status = self.machine.own_status()
        self.own = describe_monitor(status, self.late)
        self.show_problem(status)
        self.show_rows()
        self.tell_news()

    def show_problem(self, status: Status) -> None:
        """Show why nothing can be read, and what is still known."""
        problem = self.view.problem if self.view else ""
        self.set_class(bool(problem), "-problem")
        if not problem and self.focused is None:  # the table may have been hidden
            self.table.focus()
        if problem:
            lines = [
                Content.styled("The processes cannot be read:", "bold $text-error"),
                Content(printable(problem)),
                Content(""),
                Content("This monitor itself is protected as follows:"),
                Content.assemble("  verdict: ", signs.verdict(status.verdict)),
                *(Content(f"  {name}: {value}") for name, value in _facts(status)),
                Content(""),
                Content.styled("The monitor keeps trying; press q to quit.", signs.QUIET),
            ]
            self.query_one("#problem", Static).update(Content("\n").join(lines))

    def show_rows(self) -> None:
        """Fill the table."""
        view, selection = self.view, self.selection
        rows = selection.list_rows(view, self.opened) if view else ()
        now = view.at if view else 0.0
        self.table.show_rows(rows, now, selection.sort, selection.descending)
        self.show_state()

    def show_state(self) -> None:
        """Fill the overview and the chips."""
        view, seconds = self.view, self.watcher.seconds
        self.query_one(Overview).show_state(view, self.host_view, self.own)
        if view is None:
            return
        shown = sum(row.member is None for row in self.table.rows)
        groups = sum(self.selection.ended or not g.has_ended for g in view.groups)
        number = f"{shown} of {groups}" if shown < groups else f"{groups}"
        pace = "PAUSED" if self.watcher.paused else f"every {round(seconds, 1):g} s"
        if self.watcher.interval is None and not self.watcher.paused:
            pace = f"live, all {pace}"
        note = f"{number} groups, {pace}"
        self.query_one(Chips).show_selection(self.selection, view.ended, note)

    def tell_news(self) -> None:
        """Report which programs became hardened in the last update, and which no longer are."""
        for program in (self.view.news if self.view else ())[:_MOST_NEWS]:
            is_good = program.group.reason == HARDENED
            self.notify(
                f"{printable(program.group.program)}: {REASONS[program.group.reason]}",
                title="Hardened" if is_good else "No longer hardened",
                severity="information" if is_good else "error",
                markup=False,
            )

    @on(GroupTable.Chosen)
    def show_detail(self, event: GroupTable.Chosen) -> None:
        """Show the selected row."""
        self.query_one(Detail).show_row(event.row)

    # Selection and order of rows

    @property
    def chosen(self) -> Row | None:
        """Return the row that an action applies to; show a message if there is none."""
        row = self.table.chosen
        if row is None:
            self.notify("no row is selected", severity="warning")
        return row

    def select(self, selection: Selection) -> None:
        """Show the rows of a selection, in its order."""
        self.selection = selection
        self.show_rows()

    def open_groups(self, opened: frozenset[Key]) -> None:
        """Show the processes of these groups."""
        self.opened = opened
        self.table.is_held = True
        self.show_rows()

    @on(GroupTable.OpenWanted)
    def action_flip(self) -> None:
        """Open or close the selected group."""
        row = self.chosen
        if row is not None:
            self.open_groups(self.opened ^ {row.of.key})

    def action_open(self, wanted: bool) -> None:
        """Open the selected group, or close it if `wanted` is false."""
        row = self.chosen
        if row is not None:
            key = {row.of.key}
            self.open_groups(self.opened | key if wanted else self.opened - key)

    def action_open_all(self) -> None:
        """Switch between one row per process and one row per group."""
        keys = frozenset(shown.key for shown in self.view.groups) if self.view else frozenset()
        self.open_groups(frozenset() if keys <= self.opened else keys)

    def action_chip(self, name: str) -> None:
        """Switch a chip on or off."""
        change: dict[str, Any] = {name: not getattr(self.selection, name)}
        self.select(replace(self.selection, **change))

    def action_filter(self) -> None:
        """Start typing a filter; if a filter is already being typed, insert the key's character."""
        words = self.query_one("#filter", Input)
        if self.focused is words:
            words.call_later(words.insert_text_at_cursor, "/")  # after what has been typed so far
            return
        self.add_class("-filtering")
        self.set_focus(words)  # immediately: keys that follow in one burst are text

    @on(Input.Changed, "#filter")
    def filter_as_typed(self, event: Input.Changed) -> None:
        """Show the rows that match what has been typed so far."""
        self.select(replace(self.selection, text=event.value))

    @on(Input.Submitted, "#filter")
    def end_filter(self) -> None:
        """Keep the filter, and return to the table."""
        self.remove_class("-filtering")
        self.table.focus()

    def action_clear(self) -> None:
        """Clear the filter and the chips; while a filter is being typed, clear only the filter."""
        self.query_one("#filter", Input).value = ""
        if self.has_class("-filtering"):
            self.end_filter()
            self.select(replace(self.selection, text=""))
        else:
            kept = self.selection
            self.select(Selection(sort=kept.sort, descending=kept.descending))

    def action_sort(self) -> None:
        """Sort by the next column."""
        names = list(SORTS)
        at = names.index(self.selection.sort)
        self.sort_by(names[(at + 1) % len(names)])

    def action_reverse(self) -> None:
        """Reverse the sort order."""
        self.select(replace(self.selection, descending=not self.selection.descending))

    @on(GroupTable.SortWanted)
    def sort_by_title(self, event: GroupTable.SortWanted) -> None:
        """Sort by the clicked column; a second click reverses the order."""
        if event.sort == self.selection.sort:
            self.action_reverse()
        else:
            self.sort_by(event.sort)

    def sort_by(self, sort: str) -> None:
        """Sort by a column."""
        self.select(replace(self.selection, sort=sort, descending=False))

    # Updates

    def action_pause(self) -> None:
        """Pause or resume updates."""
        self.watcher.paused = not self.watcher.paused
        if self.watcher.paused:
            self.watcher.reconsider()
        else:
            self.watcher.look_now()
        self.show_state()

    def action_look(self) -> None:
        """Update now."""
        self.watcher.look_now()

    def action_slower(self) -> None:
        """Update less often."""
        longer = (i for i in INTERVALS if i > self.watcher.seconds)
        self.set_interval_to(next(longer, INTERVALS[-1]))

    def action_faster(self) -> None:
        """Update more often."""
        shorter = (i for i in reversed(INTERVALS) if i < self.watcher.seconds)
        self.set_interval_to(next(shorter, INTERVALS[0]))

    def set_interval_to(self, seconds: float) -> None:
        """Set the update interval."""
        self.watcher.interval = seconds
        self.watcher.reconsider()
        self.show_state()

    # Actions for a row; each screen is loaded on demand

    @on(GroupTable.MoreWanted)
    def action_more(self) -> None:
        """Show everything about the selected row."""
        row = self.chosen
        if row is not None:
            from process_hardening.tui.screens.more import MoreScreen

            self.app.push_screen(MoreScreen(row))

    def action_copy(self) -> None:
        """Copy the command that fixes the selected row."""
        row = self.chosen
        if row is not None:
            from process_hardening.tui.screens.copying import copy_fix

            copy_fix(self.app, row)

    def action_attack(self) -> None:
        """Attack the selected process, after explaining what that means."""
        row = self.chosen
        if row is not None:
            self.attack(row.process.pid, row.process.name)

    def action_export(self) -> None:
        """Save the current view."""
        if self.view is None or self.view.audit is None:
            self.notify("there is nothing to save yet", severity="warning")
            return
        from process_hardening.tui.screens.export import ExportScreen, picture_of, save_audit

        shown = {member.pid for row in self.table.rows for member in row.of.members}
        formats = save_audit(self.view.audit, shown, picture_of(self.app))
        self.app.push_screen(ExportScreen("processes", formats, self.machine.now()))

    def action_host(self) -> None:
        """Show the host."""
        from process_hardening.tui.screens.host import HostScreen

        self.host_screen = HostScreen(self.host_view, self.watcher)
        self.app.push_screen(self.host_screen)

    def action_verify(self) -> None:
        """Attack sample programs."""
        self.attack(None, "")

    def attack(self, pid: int | None, name: str) -> None:
        """Open the attack screen."""
        from process_hardening.tui.screens.verify import VerifyScreen  # and the attacks

        self.app.push_screen(VerifyScreen(self.machine, pid, name))


def _facts(status: Status) -> list[tuple[str, str]]:
    """Return what the kernel reports about the monitor itself."""
    facts = []
    for name in ("inspectable", "dumpable", "core_limit", "tracer_pid", "loader_variables"):
        value = getattr(status, name)
        facts.append((name, "not known" if value is None else str(value)))
    return facts
