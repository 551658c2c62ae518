"""What the monitor asks of the machine that it runs on. The tests give it another one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable

from process_hardening import audit
from process_hardening.errors import CommandError
from process_hardening.state import Status, status

TYPE_CHECKING = False  # the rules are loaded on the first look, the attacks on the first attack
if TYPE_CHECKING:
    from process_hardening.audit.posture import Posture
    from process_hardening.audit.result import Audit, Diagnosis
    from process_hardening.verify import Progress, Verification


class Machine:
    """The real one. Every method but now() may take long, and is called in a thread of its own.

    proc -- where the proc file system is mounted
    """

    def __init__(self, proc: str = "/proc") -> None:
        self.proc = proc

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def own_status(self) -> Status:
        """How the monitor itself is protected, as the kernel tells it now."""
        return status()

    def list_pids(self) -> frozenset[int]:
        """Which processes there are. Raises CommandError where that cannot be seen."""
        try:
            return frozenset(int(name) for name in os.listdir(self.proc) if name.isdecimal())
        except OSError as error:
            raise CommandError(f"{self.proc}: {error.strerror}") from None

    def look(self, seen: Iterable[Posture] = ()) -> Audit:
        """All processes but this one, judged. Raises CommandError where none can be seen.

        seen -- postures of an earlier look, which are believed as they are
        """
        return audit.take(everything=True, left_out=(os.getpid(),), seen=seen, proc=self.proc)

    def diagnose(self, postures: Iterable[Posture]) -> Diagnosis:
        """What doctor finds out about the host. Raises CommandError on systems it does not know."""
        return audit.doctor(postures)

    def attack(
        self, pid: int | None, with_tools: bool, progress: Callable[[Progress], None]
    ) -> Verification:
        """Attack a running process without harming it, or victims of ours. Raises CommandError.

        pid -- the process; None: victims of ours
        with_tools -- attack with external tools too
        progress -- called after each attempt; what it raises ends the attacks
        """
        from process_hardening.verify import BUILT_IN, TOOL, list_attacks, verify, verify_process

        attacks = list_attacks((BUILT_IN, TOOL) if with_tools else (BUILT_IN,))
        if pid is None:
            return verify(attacks, progress=progress)
        return verify_process(pid, attacks, progress=progress)
