"""The application: its screens, themes, signals and commands."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, ClassVar

from textual import events
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.screen import Screen

from process_hardening.tui.ascii import AsciiFilter
from process_hardening.tui.machine import Machine
from process_hardening.tui.screens.processes import ProcessesScreen
from process_hardening.tui.screens.too_small import TooSmallScreen, is_too_small
from process_hardening.tui.themes import HIGH_CONTRAST, LIGHT, next_theme

_ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
_SECONDS_TO_END = 5


class WatchApp(App[None]):
    """The monitor.

    machine -- the machine to monitor; interval -- seconds between updates; None: automatic
    late -- why the monitor was not hardened from the start; '' if it was
    only_ascii -- whether to draw with ASCII only
    """

    TITLE = "process-hardening"
    CSS_PATH = "app.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (140, "-wide")]  # noqa: RUF012 -- like textual
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]  # noqa: RUF012 -- the same
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "Help", key_display="?", tooltip="explain the keys"),
        Binding("t", "theme", "Theme", show=False, tooltip="dark, light, high contrast"),
        Binding("q", "quit", "Quit", tooltip="quit the monitor"),
    ]

    def __init__(
        self,
        machine: Machine,
        interval: float | None = None,
        late: str = "",
        only_ascii: bool = False,
    ) -> None:
        super().__init__()
        self.register_theme(LIGHT)
        self.register_theme(HIGH_CONTRAST)
        self.ascii = AsciiFilter(enabled=only_ascii)
        self.processes = ProcessesScreen(machine, interval, late)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return Textual's line filters, then ours."""
        filters = super().get_line_filters()
        return [*filters, self.ascii] if self.ascii.enabled else filters

    def get_default_screen(self) -> Screen[None]:
        """Return the process screen."""
        return self.processes

    def on_mount(self) -> None:
        """Restore the terminal even if a signal kills the monitor; track the terminal's size."""
        if not self.is_headless:
            for number in _ENDING:
                signal.signal(number, self.end_by)
            self._take_over_resizing(self)
            self.app_resume_signal.subscribe(self, self._take_over_resizing)

    def _take_over_resizing(self, _app: App[None]) -> None:
        """Replace Textual's handler, which it installs at the start and after a suspension."""
        self._read_size = signal.getsignal(signal.SIGWINCH)
        signal.signal(signal.SIGWINCH, self.resize_by)

    def resize_by(self, number: int, _frame: object) -> None:
        """Let Textual read the size in the event loop.

        Textual's own handler reads the size immediately. If the next signal interrupted it, it
        would report the old size after the new one.
        """
        if callable(self._read_size):
            with suppress(RuntimeError):  # the event loop has ended: the monitor is already exiting
                loop = asyncio.get_running_loop()
                loop.call_soon_threadsafe(self._read_size, number, None)

    def end_by(self, number: int, _frame: object) -> None:
        """Restore the terminal and exit with status 128 plus the number of the signal.

        If the terminal hangs, SIGALRM kills the monitor.
        """
        signal.alarm(_SECONDS_TO_END)
        with suppress(RuntimeError):  # the event loop has ended: the monitor is already exiting
            asyncio.get_running_loop().call_soon_threadsafe(self.exit, None, 128 + number)

    def on_resize(self, event: events.Resize) -> None:
        """Cover the other screens while the terminal is too small."""
        covering = isinstance(self.screen, TooSmallScreen)
        if is_too_small(event.size):
            if not covering:
                self.push_screen(TooSmallScreen())
            self.call_later(self._tell_size)
        elif covering:
            self.pop_screen()

    def _tell_size(self) -> None:
        if isinstance(self.screen, TooSmallScreen):
            self.screen.show_size(self.size)

    def action_theme(self) -> None:
        """Switch the theme."""
        self.theme = next_theme(self.theme)

    def action_help(self) -> None:
        """Explain the keys of this screen."""
        from process_hardening.tui.screens.help import HelpScreen

        sections = [
            ("keys on this screen", _bindings_of(self.screen)),
            ("keys on every screen", _bindings_of(self)),
        ]
        self.push_screen(HelpScreen(sections))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Yield the commands that have a key, and a command that chooses a theme."""
        for owner in (screen, self):
            for binding in _bindings_of(owner):
                yield SystemCommand(
                    binding.description,
                    binding.tooltip or binding.description,
                    lambda action=binding.action, owner=owner: owner.run_action(action),
                )
        yield SystemCommand("Themes", "choose a theme", self.action_change_theme)


def _bindings_of(owner: App[None] | Screen[Any]) -> list[Binding]:
    """Return the bindings that the class of the app or the screen declares itself."""
    return [each for each in type(owner).BINDINGS if isinstance(each, Binding)]
