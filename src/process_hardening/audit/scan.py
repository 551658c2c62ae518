"""Reads many processes in one pass over /proc. No process can block the pass."""

from __future__ import annotations

import threading
import time

from process_hardening.audit.posture import Posture
from process_hardening.audit.procfiles import PATIENCE, is_asleep, list_pids, read_switches
from process_hardening.audit.reader import NoSuchProcessError, Reader
from process_hardening.errors import CommandError

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

DEADLINE = 60.0
"""How many seconds one pass may take; processes that were not read by then are unknown."""


class Snapshot:
    """The result of a scan.

    processes -- in ascending order of their pids
    gone -- pids of processes that ended before they could be read
    stuck -- pids of processes whose files in /proc did not answer
    seconds -- how long it took
    """

    __slots__ = ("gone", "processes", "seconds", "stuck")

    def __init__(self) -> None:
        self.processes: list[Posture] = []
        self.gone: list[int] = []
        self.stuck: list[int] = []
        self.seconds = 0.0


class _Worker(threading.Thread):
    """A thread that reads processes one by one, and can be abandoned if a process blocks it.

    waiting -- the pids that no worker has taken yet
    found -- what was read, by pid; None: the process has ended
    end -- when to stop
    """

    def __init__(
        self, reader: Reader, waiting: list[int], found: dict[int, Posture | None], end: float
    ) -> None:
        super().__init__(daemon=True)
        self.reader = reader
        self.waiting = waiting
        self.found = found
        self.end = end
        self.current: int | None = None
        self.left_behind = False
        self.error: BaseException | None = None
        self.finished = threading.Event()

    def run(self) -> None:
        """Read until nothing is left, or until another worker has taken over."""
        try:
            while self.waiting and not self.left_behind and time.perf_counter() < self.end:
                self.current = pid = self.waiting.pop()
                self.found.setdefault(pid, self._read(pid))
        except BaseException as error:  # raised again by scan()
            self.error = error
        finally:
            self.reader.close()
            self.finished.set()

    def _read(self, pid: int) -> Posture | None:
        try:
            return self.reader.read(pid)
        except NoSuchProcessError:
            return None

    def read_progress(self) -> tuple[int | None, bytes]:
        """Return the pid that the thread is reading, and how often the thread has given up the CPU.

        Neither changes while the thread waits in the kernel, but the count grows while it waits for
        the GIL.
        """
        return self.current, read_switches(f"/proc/self/task/{self.native_id}/status")

    def is_asleep(self) -> bool:
        """Return whether the thread is waiting for anything other than a CPU."""
        return is_asleep(f"/proc/self/task/{self.native_id}/stat")


def scan(
    pids: Sequence[int] | None = None, *, left_out: Collection[int] = (), proc: str = "/proc"
) -> Snapshot:
    """Read all processes but those that are left out, or those with these pids.

    proc -- where the proc file system is mounted

    Raises CommandError if no proc file system is mounted there.
    """
    begin = time.perf_counter()
    end = begin + DEADLINE
    snapshot = Snapshot()
    reader = Reader(proc)
    inodes = list_pids(proc) if pids is None else {}
    waiting = sorted(inodes.keys() - left_out if pids is None else pids, reverse=True)
    found: dict[int, Posture | None] = {}
    blocking: list[int] = []
    while True:
        worker = _Worker(reader, waiting, found, end)
        try:
            worker.start()
        except RuntimeError as error:
            raise CommandError(
                "audit: cannot start a thread: this user has too many processes (RLIMIT_NPROC)"
            ) from error
        blocking += _attend(worker)
        if worker.error is not None:
            raise worker.error
        if not waiting or time.perf_counter() >= end:
            if not worker.finished.is_set() and worker.current is not None:
                waiting.append(worker.current)
            break
        reader = Reader(proc)
    for pid in blocking:  # unless a worker has read it after all
        problem = f"{proc} did not answer within {PATIENCE * 1000:.0f} ms"
        late = Posture(pid=pid, problem=problem, inode=inodes.get(pid))
        if found.setdefault(pid, late) is late:
            snapshot.stuck.append(pid)
    problem = f"not read: the scan took more than {DEADLINE:.0f} seconds"
    for pid in waiting:  # unless it was read after all
        found.setdefault(pid, Posture(pid=pid, problem=problem))
    snapshot.processes = [posture for _, posture in sorted(found.items()) if posture is not None]
    snapshot.gone = [pid for pid, posture in sorted(found.items()) if posture is None]
    snapshot.seconds = time.perf_counter() - begin
    return snapshot


def _attend(worker: _Worker) -> list[int]:
    """Wait for a worker, or abandon it if a process blocks it. Returns the pid of that process."""
    before = None
    while not worker.finished.wait(PATIENCE / 2):
        now = worker.read_progress()
        if now == before and worker.is_asleep() and worker.current is not None:
            worker.left_behind = True
            return [worker.current]
        if time.perf_counter() >= worker.end:  # one process keeps it busy
            worker.left_behind = True
            return []
        before = now
    return []
