"""All processes at one time: one pass over /proc that no process can stop."""

from __future__ import annotations

import threading
import time

from process_hardening.errors import CommandError
from process_hardening.audit.reader import NoSuchProcessError, Posture, Reader

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Sequence

PATIENCE = 5.0
"""Seconds that the reading of one process may take.

Reading waits for locks of the process that is read; one that is stuck while it holds them, on a
file system that does not answer, keeps everybody waiting who looks at it (mmap_lock, mm/mmap.c).
"""


class Snapshot:
    """What a scan saw.

    processes -- in ascending order of their pids; gone -- pids that ended before they were read
    stuck -- pids whose reading did not come back
    seconds -- what it took
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
    """Reads processes one after the other, where it may be left behind when one blocks it."""

    def __init__(self, reader: Reader, waiting: list[int], into: Snapshot) -> None:
        super().__init__(daemon=True)
        self.reader = reader
        self.waiting = waiting
        self.into = into
        self.current: int | None = None
        self.left_behind = False
        self.error: BaseException | None = None
        self.finished = threading.Event()

    def run(self) -> None:
        """Read until nothing is left to read, or somebody else goes on."""
        try:
            while self.waiting:
                self.current = pid = self.waiting.pop()
                self._read(pid)
                if self.left_behind:
                    return
            self.current = None
        except BaseException as error:  # to be raised where it was asked for
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
            posture = Posture(pid)
            posture.problem = f"{error.strerror}"
            if not self.left_behind:
                self.into.processes.append(posture)
        else:
            if not self.left_behind:
                self.into.processes.append(posture)


def scan(pids: Sequence[int] | None = None, *, proc: str = "/proc") -> Snapshot:
    """Read all processes, or some. Raises CommandError when there is no /proc.

    pids -- those to read; proc -- where the proc file system is mounted
    """
    begin = time.perf_counter()
    snapshot = Snapshot()
    reader = Reader(proc)
    waiting = sorted(reader.pids() if pids is None else pids, reverse=True)
    try:
        while waiting:
            worker = _Worker(reader, waiting, snapshot)
            worker.start()
            _attend(worker, snapshot, proc)
            if worker.error is not None:
                raise worker.error
            if not worker.finished.is_set():
                reader = Reader(proc)  # the other one is still in use
    finally:
        if not snapshot.stuck:
            reader.close()
    snapshot.processes.sort(key=lambda posture: posture.pid)
    snapshot.seconds = time.perf_counter() - begin
    return snapshot


def _attend(worker: _Worker, snapshot: Snapshot, proc: str) -> None:
    """Wait for a worker; leave it behind when it does not come back from one process."""
    current = worker.current
    while not worker.finished.wait(PATIENCE):
        if worker.current != current or current is None:
            current = worker.current
            continue
        worker.left_behind = True
        snapshot.stuck.append(current)
        posture = Posture(current)
        posture.problem = f"{proc} did not answer within {PATIENCE:.0f} seconds"
        snapshot.processes.append(posture)
        return


def check_system(system: str) -> None:
    """Raises CommandError where other processes cannot be looked at as on Linux."""
    if not system.startswith(("linux", "android")):
        raise CommandError(f"{system}: {ELSEWHERE.get(system.rstrip('0123456789'), _NOTHING)}")


_NOTHING = "nothing is known of how this system protects processes"

ELSEWHERE = {
    "darwin": (
        "the flag that PT_DENY_ATTACH sets is not visible from outside: other processes cannot be"
        " audited here; `process-hardening status` tells what is known of this one"
    ),
    "freebsd": (
        "procctl(PROC_TRACE_STATUS) tells of one process at a time and is not read yet;"
        " `process-hardening status` tells what is known of this one"
    ),
    "openbsd": (
        "there is no switch per process; kern.global_ptrace (0: only parents may trace) and"
        " fs.suiddumpable decide for all; `process-hardening status` tells of this one"
    ),
    "netbsd": (
        "there is no switch per process; security.models.bsd44 and proc.PID.corename decide;"
        " `process-hardening status` tells of this one"
    ),
    "win": (
        "a process's DACL decides who may read it, and this package does not set it;"
        " nothing is audited here"
    ),
}
"""What is known of auditing other processes on other systems, by sys.platform without numbers."""
