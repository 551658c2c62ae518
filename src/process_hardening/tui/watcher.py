"""The thread that looks at the machine, so that the interface never waits for /proc."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable

from process_hardening.errors import CommandError
from process_hardening.tui.machine import Machine
from process_hardening.tui.view import HostView, View, view_of

TYPE_CHECKING = False  # it is loaded by the first look
if TYPE_CHECKING:
    from process_hardening.audit.posture import Posture

LEAST_INTERVAL = 2.0
SHARE = 0.005
"""Unless told otherwise: so many seconds between two looks at everything, and more on a big
machine, so that looking takes no more than this share of the time. Looks at what has started or
ended, of which there are none while nothing does, get a share of the same size."""


def collect_garbage_rarely() -> None:
    """Let no collection of garbage hold the interface up; call it once, before the first look.

    What is there by now stays. What a look makes is thousands of objects without circles, which go
    when the next one comes; going through all of them again and again would find nothing.
    """
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, 1000)


class Watcher(threading.Thread):
    """Looks again and again, and hands on what it saw.

    seen -- is called in this thread with each View and HostView
    interval -- seconds between two looks, None: LEAST_INTERVAL and SHARE decide
    paused -- whether to look only when asked
    """

    def __init__(
        self, machine: Machine, interval: float | None, seen: Callable[[View | HostView], object]
    ) -> None:
        super().__init__(name="watcher", daemon=True)
        self.machine = machine
        self.interval = interval
        self.paused = False
        self._seen = seen
        self._before: View | None = None
        self._wake = threading.Event()
        self._wants_host = threading.Event()
        self._wants_look = True
        self._is_over = False
        self._rest = LEAST_INTERVAL
        self._rest_for_news = LEAST_INTERVAL
        self._looked = 0.0  # when everything was looked at, on the monotonic clock
        self._pids: frozenset[int] = frozenset()
        self._young: frozenset[int] = frozenset()  # read so early that they may harden yet

    @property
    def seconds(self) -> float:
        """Between two looks at everything."""
        return self._rest if self.interval is None else self.interval

    def look_now(self) -> None:
        """Look at the processes at once."""
        self._wants_look = True
        self._wake.set()

    def look_at_host(self) -> None:
        """Look at the host at once."""
        self._wants_host.set()
        self._wake.set()

    def reconsider(self) -> None:
        """The interval or whether it is paused was changed."""
        self._wake.set()

    def stop(self) -> None:
        """Look no more. Does not wait for a look that is under way."""
        self._is_over = True
        self._wake.set()

    def run(self) -> None:
        """Look until stopped."""
        while not self._is_over:
            begin = time.process_time()
            if self._wants_look:
                self._wants_look = False
                self._seen(self._look(()))
                self._looked = time.monotonic()
                self._rest = max(LEAST_INTERVAL, (time.process_time() - begin) / SHARE)
            elif self._has_news():
                self._seen(self._look(self._list_settled()))
                spent = (time.process_time() - begin) / SHARE
                self._rest_for_news = max(LEAST_INTERVAL, spent)
            if self._wants_host.is_set():
                self._wants_host.clear()
                self._seen(self._look_at_host())
            woken = self._wake.wait(self._choose_rest())
            self._wake.clear()
            if not woken and time.monotonic() >= self._looked + self.seconds:
                self._wants_look = True

    def _choose_rest(self) -> float | None:
        """Seconds until there may be something to do; None: until told."""
        if self.paused:
            return None
        left = max(self._looked + self.seconds - time.monotonic(), 0.0)
        return left if self.interval is not None else min(left, self._rest_for_news)

    def _has_news(self) -> bool:
        """Whether processes have started or ended, or are too young to be settled."""
        if self.paused or self.interval is not None or not self._pids:
            return False
        try:
            return bool(self._young) or self.machine.list_pids() != self._pids
        except CommandError:
            return True  # the look says why

    def _list_settled(self) -> list[Posture]:
        """What the last look saw, but for processes that had only just started."""
        audit = self._before.audit if self._before else None
        entries = audit.entries if audit else ()
        return [entry.posture for entry in entries if entry.posture.pid not in self._young]

    def _look(self, seen: list[Posture] | tuple[()]) -> View:
        """Look at the processes; those in seen are believed to be as they were."""
        at = self.machine.now()
        try:
            pids = self.machine.list_pids()
            self._young = pids - self._pids if self._pids else frozenset()
            self._pids = pids
            audit = self.machine.look(seen)
        except CommandError as error:
            view = self._fail(at, str(error))
        except Exception as error:  # it must reach the screen: nobody sees a thread end
            view = self._fail(at, f"internal error: {type(error).__name__}: {error}")
        else:
            view = view_of(audit, at, self._before)
        self._before = view
        return view

    def _fail(self, at: float, problem: str) -> View:
        """A view of nothing, which remembers what was seen before."""
        last = self._before
        if last is None:
            return View(at, problem=problem)
        return View(at, problem=problem, programs=last.programs, exposed=last.exposed)

    def _look_at_host(self) -> HostView:
        audit = self._before.audit if self._before else None
        postures = [entry.posture for entry in audit.entries] if audit else []
        try:
            return HostView(self.machine.diagnose(postures))
        except CommandError as error:
            return HostView(problem=str(error))
        except Exception as error:  # the same
            return HostView(problem=f"internal error: {type(error).__name__}: {error}")
