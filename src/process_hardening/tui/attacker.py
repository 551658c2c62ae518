"""The thread that runs the attacks, so that the interface stays responsive."""

from __future__ import annotations

import threading
from collections.abc import Callable

from process_hardening.errors import CommandError
from process_hardening.tui.machine import Machine
from process_hardening.verify import Progress, Verification

STOPPED = "stopped; nothing is left running"


class _CancelledError(Exception):
    """The user cancelled the attacks."""


class Attacker(threading.Thread):
    """Runs the attacks once. Both callbacks are called in this thread.

    The program does not exit before the thread does, so a running attack leaves nothing behind.

    pid, with_tools -- see Machine.attack()
    on_progress -- called after each attempt
    on_end -- called with the result and "", or with None and the reason
    """

    def __init__(
        self,
        machine: Machine,
        pid: int | None,
        with_tools: bool,
        on_progress: Callable[[Progress], object],
        on_end: Callable[[Verification | None, str], object],
    ) -> None:
        super().__init__(name="attacker")
        self._machine = machine
        self._pid = pid
        self._with_tools = with_tools
        self._on_progress = on_progress
        self._on_end = on_end
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Stop the attacks after the current attempt. Does not wait for that attempt to end."""
        self._cancelled.set()

    def _progress(self, progress: Progress) -> None:
        if self._cancelled.is_set():
            raise _CancelledError
        self._on_progress(progress)

    def run(self) -> None:
        """Attack, and report the result."""
        try:
            result = self._machine.attack(self._pid, self._with_tools, self._progress)
        except _CancelledError:
            self._on_end(None, STOPPED)
        except CommandError as error:
            self._on_end(None, f"Not attacked: {error}")
        except Exception as error:  # show it on the screen: a failure in a thread is invisible
            self._on_end(None, f"internal error: {type(error).__name__}: {error}")
        else:
            self._on_end(result, "")
