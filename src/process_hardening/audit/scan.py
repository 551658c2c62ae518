"""Reads many processes in one pass over /proc that no process can stop."""

from __future__ import annotations

import threading
import time

from process_hardening.audit.posture import Posture
from process_hardening.audit.reader import NoSuchProcessError, Reader

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Sequence

PATIENCE = 5.0
"""How many seconds reading one process may take.

Reading waits for locks of the process. One that is stuck while it holds them, on a file system
that does not answer, blocks everybody who looks at it (mmap_lock, mm/mmap.c).
"""


DEADLINE = 60.0
"""How many seconds one pass may take; what was not read by then is unknown."""


class Snapshot:
    """What a scan saw.

    processes -- in ascending order of their pids; gone -- pids that ended before they were read
    stuck -- pids whose reading did not return
    seconds -- how long it took
    """

    __slots__ = ("gone", "processes", "seconds", "stuck")

    def __init__(self) -> None:
        self.processes: list[Posture] = []
        self.gone: list[int] = []
        self.stuck: list[int] = []
        self.seconds = 0.0

    @property
    def is_complete(self) -> bool:
        """Whether every process that was to be read could be."""
        return not self.stuck and all(posture.problem is None for posture in self.processes)


class _Worker(threading.Thread):
    """Reads one process after the other, in a thread that can be left behind when one blocks it."""

    def __init__(self, reader: Reader, waiting: list[int], into: Snapshot, end: float) -> None:
        super().__init__(daemon=True)
        self.reader = reader
        self.waiting = waiting
        self.into = into
        self.end = end
        self.current: int | None = None
        self.left_behind = False
        self.error: BaseException | None = None
        self.finished = threading.Event()

    def run(self) -> None:
        """Read until nothing is left, or until another worker has taken over."""
        try:
            while self.waiting and time.perf_counter() < self.end:
                self.current = pid = self.waiting.pop()
                self._read(pid)
                if self.left_behind:
                    return
            self.current = None
        except BaseException as error:  # raised again by scan()
            self.error = error
        finally:
            self.finished.set()

    def _read(self, pid: int) -> None:
        try:
            posture = self.reader.read(pid)
        except NoSuchProcessError:
            if not self.left_behind:
                self.into.gone.append(pid)
        except OSError as error:
            if not self.left_behind:
                self.into.processes.append(Posture(pid=pid, problem=str(error.strerror)))
        else:
            if not self.left_behind:
                self.into.processes.append(posture)


def scan(pids: Sequence[int] | None = None, *, proc: str = "/proc") -> Snapshot:
    """Read all processes, or those with these pids.

    proc -- where the proc file system is mounted

    Raises CommandError when it is not.
    """
    begin = time.perf_counter()
    snapshot = Snapshot()
    reader = Reader(proc)
    waiting = sorted(reader.list_pids() if pids is None else pids, reverse=True)
    try:
        while waiting and time.perf_counter() < begin + DEADLINE:
            worker = _Worker(reader, waiting, snapshot, begin + DEADLINE)
            worker.start()
            _attend(worker, snapshot, proc)
            if worker.error is not None:
                raise worker.error
            if not worker.finished.is_set():
                reader = Reader(proc)  # the other one is still in use
        problem = f"not read: the pass took more than {DEADLINE:.0f} seconds"
        snapshot.processes += (Posture(pid=pid, problem=problem) for pid in waiting)
    finally:
        if not snapshot.stuck:
            reader.close()
    snapshot.processes.sort(key=lambda posture: posture.pid)
    snapshot.seconds = time.perf_counter() - begin
    return snapshot


def _attend(worker: _Worker, snapshot: Snapshot, proc: str) -> None:
    """Wait for a worker; leave it behind when it does not return from one process."""
    current = worker.current
    while not worker.finished.wait(PATIENCE):
        if worker.current != current or current is None:
            current = worker.current
            continue
        worker.left_behind = True
        snapshot.stuck.append(current)
        problem = f"{proc} did not answer within {PATIENCE:.0f} seconds"
        snapshot.processes.append(Posture(pid=current, problem=problem))
        return
