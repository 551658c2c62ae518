"""The monitor's interface to the machine that it runs on. Tests replace it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from process_hardening import audit
from process_hardening.audit.procfiles import list_pids
from process_hardening.state import Status, status

TYPE_CHECKING = False  # the rules are loaded on the first update, the attacks on the first attack
if TYPE_CHECKING:
    from process_hardening.audit.posture import Posture
    from process_hardening.audit.result import Audit, Diagnosis
    from process_hardening.verify import Progress, Verification


class Machine:
    """The real machine. Every method but now() can be slow, and is called in a separate thread.

    proc -- where the proc file system is mounted
    """

    def __init__(self, proc: str = "/proc") -> None:
        self.proc = proc

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return time.time()

    def own_status(self) -> Status:
        """Return how the monitor itself is protected, as the kernel reports it now."""
        return status()

    def list_pids(self) -> Mapping[int, int]:
        """Return the pids of all processes and their inodes, see procfiles.list_pids().

        Raises CommandError if they cannot be read.
        """
        return list_pids(self.proc)

    def look(self, seen: Iterable[Posture] = ()) -> Audit:
        """Audit all processes but this one. Raises CommandError if none can be read.

        seen -- postures from an earlier update, which are reused
        """
        from process_hardening.audit.reader import find_own_pids

        own = find_own_pids(self.proc)[:1]
        return audit.take(everything=True, left_out=own, seen=seen, proc=self.proc)

    def diagnose(self, postures: Iterable[Posture]) -> Diagnosis:
        """Return the results of doctor. Raises CommandError on unsupported systems."""
        return audit.doctor(postures)

    def attack(
        self, pid: int | None, with_tools: bool, progress: Callable[[Progress], None]
    ) -> Verification:
        """Attack a running process (without harming it) or sample programs. Raises CommandError.

        pid -- the process; None: sample programs
        with_tools -- whether to use external tools too
        progress -- called after each attempt; an exception stops the attacks
        """
        from process_hardening.verify import BUILT_IN, TOOL, list_attacks, verify, verify_process

        attacks = list_attacks((BUILT_IN, TOOL) if with_tools else (BUILT_IN,))
        if pid is None:
            return verify(attacks, progress=progress)
        return verify_process(pid, attacks, progress=progress)
