"""The thread that attacks, so that the interface goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable

from process_hardening.errors import CommandError
from process_hardening.tui.machine import Machine
from process_hardening.verify.run import Progress, Verification

STOPPED = "stopped; nothing is left running"


class _CancelledError(Exception):
    """The user wants no more of it."""


class Attacker(threading.Thread):
    """Attacks once. Both callbacks are called in this thread.

    The program does not end before it has: nothing is left of an attack that is under way.

    pid, with_tools -- see Machine.attack()
    progressed -- is given each step; ended -- the result, or None and why there is none
    """

    def __init__(
        self,
        machine: Machine,
        pid: int | None,
        with_tools: bool,
        progressed: Callable[[Progress], object],
        ended: Callable[[Verification | None, str], object],
    ) -> None:
        super().__init__(name="attacker")
        self._machine = machine
        self._pid = pid
        self._with_tools = with_tools
        self._progressed = progressed
        self._ended = ended
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Stop after the attempt that is under way; does not wait for it."""
        self._cancelled.set()

    def _progress(self, progress: Progress) -> None:
        if self._cancelled.is_set():
            raise _CancelledError
        self._progressed(progress)

    def run(self) -> None:
        """Attack, and tell what came of it."""
        try:
            result = self._machine.attack(self._pid, self._with_tools, self._progress)
        except _CancelledError:
            self._ended(None, STOPPED)
        except CommandError as error:
            self._ended(None, f"Not attacked: {error}")
        except Exception as error:  # it must reach the screen: nobody sees a thread end
            self._ended(None, f"internal error: {type(error).__name__}: {error}")
        else:
            self._ended(result, "")
