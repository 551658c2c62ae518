"""The thread that reads the machine, so that the interface never waits for /proc."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Mapping

from process_hardening.errors import CommandError
from process_hardening.tui.machine import Machine
from process_hardening.tui.view import HostView, View, view_of

TYPE_CHECKING = False  # loaded by the first update
if TYPE_CHECKING:
    from process_hardening.audit.posture import Posture

LEAST_INTERVAL = 2.0
SHARE = 0.005
"""The default time between full updates in seconds, and the share of CPU time that full updates may
take. On a big machine, this limit makes them less frequent. Updates for processes that have started
or ended are made only if there are any, and may take a share of the same size."""
LONGEST_INTERVAL = 30.0
GREATEST_SHARE = 0.01
"""The seconds after which full updates may exceed SHARE, and the share that they may take then. Any
user can make full updates expensive, and would otherwise delay what they show for minutes."""


def choose_interval(cost: float) -> float:
    """Return the seconds between full updates. cost -- the CPU time of one, in seconds."""
    longest = max(LONGEST_INTERVAL, cost / GREATEST_SHARE)
    return max(LEAST_INTERVAL, min(cost / SHARE, longest))


def collect_garbage_rarely() -> None:
    """Keep garbage collection from blocking the interface. Call this once, before the first update.

    Existing objects are frozen, and full collections are rare: an update creates thousands of
    objects without reference cycles, which the next update frees anyway.
    """
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, 1000)


class Watcher(threading.Thread):
    """Reads the machine periodically, and passes the results on.

    seen -- called in this thread with each View and HostView
    interval -- seconds between updates; None: determined by LEAST_INTERVAL and SHARE
    paused -- whether to update only on request
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
        self._looked = 0.0  # when the last full update was, on the monotonic clock
        self._pids: Mapping[int, int] = {}
        self._young: frozenset[int] = frozenset()  # new processes: may still harden themselves

    @property
    def seconds(self) -> float:
        """The seconds between full updates."""
        return self._rest if self.interval is None else self.interval

    def look_now(self) -> None:
        """Update the processes immediately."""
        self._wants_look = True
        self._wake.set()

    def look_at_host(self) -> None:
        """Update the host immediately."""
        self._wants_host.set()
        self._wake.set()

    def reconsider(self) -> None:
        """Apply a change to `interval` or `paused`."""
        self._wake.set()

    def stop(self) -> None:
        """Stop. Does not wait for a running update."""
        self._is_over = True
        self._wake.set()

    def run(self) -> None:
        """Update until stopped."""
        while not self._is_over:
            begin = time.process_time()
            if self._wants_look:
                self._wants_look = False
                self._seen(self._look(()))
                self._looked = time.monotonic()
                self._rest = choose_interval(time.process_time() - begin)
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
        """Return the seconds until the next update may be due; None: wait for a request."""
        if self.paused:
            return None
        left = max(self._looked + self.seconds - time.monotonic(), 0.0)
        return left if self.interval is not None else min(left, self._rest_for_news)

    def _has_news(self) -> bool:
        """Return whether processes have started or ended, or are so new that they may change."""
        if self.paused or self.interval is not None or not self._pids:
            return False
        try:
            return bool(self._young) or self.machine.list_pids() != self._pids
        except CommandError:
            return True  # the update reports why

    def _list_settled(self) -> list[Posture]:
        """Return the postures of the last update, except those of processes that were new then."""
        audit = self._before.audit if self._before else None
        entries = audit.entries if audit else ()
        return [entry.posture for entry in entries if entry.posture.pid not in self._young]

    def _look(self, seen: list[Posture] | tuple[()]) -> View:
        """Update the processes. Processes whose posture is in `seen` are not read again."""
        at = self.machine.now()
        try:
            pids = self.machine.list_pids()
            new = frozenset(pid for pid in pids if pids[pid] != self._pids.get(pid))
            self._young = new if self._pids else frozenset()
            self._pids = pids
            view = view_of(self.machine.look(seen), at, self._before)
        except CommandError as error:
            view = self._fail(at, str(error))
        except Exception as error:  # show it on the screen: a failure in a thread is invisible
            view = self._fail(at, f"internal error: {type(error).__name__}: {error}")
        self._before = view
        return view

    def _fail(self, at: float, problem: str) -> View:
        """Return an empty view that remembers what was seen before."""
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
        except Exception as error:  # show it on the screen, as in _look()
            return HostView(problem=f"internal error: {type(error).__name__}: {error}")
