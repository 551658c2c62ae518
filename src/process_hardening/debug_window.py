"""A limited time in which a developer can attach a debugger."""

from __future__ import annotations

import logging
import os

from process_hardening import _debug_window
from process_hardening.drift import turn
from process_hardening.errors import (
    INSPECTION_ERROR,
    DebugWindowError,
    HardeningError,
)
from process_hardening.state import status

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from typing_extensions import Self

_log = logging.getLogger("process_hardening")
_LONGEST = 24 * 60 * 60


class debuggable:  # noqa: N801 -- it is used like a function
    """Let debuggers of the same user attach while a block runs, for a limited time.

    seconds -- how long debuggers can attach, from 0.01 to a day; after that, the process is
        hardened again even if the block is still running, or hangs and holds the GIL

    Opening and closing are logged as warnings to the logger 'process_hardening'; if the time
    expires, a line is printed to standard error. At the end of the block, the process is hardened
    again, and the state is read back from the kernel. Watches pause while the window is open. A
    forked child is hardened immediately, but a child of _Fork(3) or a raw clone(2) stays
    inspectable, because these calls run no handlers. A process that is not hardened,
    for example because CODEX_SKIP_HARDENING is 1, is left as it is.

    While the window is open, the process is as exposed as one that is not hardened: a file that
    another process opens at that time, such as /proc/PID/mem, stays open, and a crash may leave a
    core if kernel.core_pattern is a pipe.

    Raises DebugWindowError if the process is sealed, if a window is already open, if the system
    cannot undo hardening, or, at the end, if a debugger is still attached. Raises ValueError for
    seconds out of range, and HardeningError if the process cannot be hardened again.
    """

    def __init__(self, seconds: float = 60.0) -> None:
        if not isinstance(seconds, (int, float)) or not 0.01 <= seconds <= _LONGEST:
            raise ValueError(f"seconds must be from 0.01 to {_LONGEST}, not {seconds!r}")
        self.seconds = seconds
        self._opened = False

    def __enter__(self) -> Self:
        if _debug_window.is_open():
            raise DebugWindowError("a debug window is already open: windows cannot be nested")
        now = status()
        if now.sealed:
            raise DebugWindowError("the process is sealed: it cannot be made inspectable again")
        if now.inspectable:
            _log.warning("process %d is not hardened: its user can already inspect it", os.getpid())
            return self
        with turn.lock:
            failure = _debug_window.expose(self.seconds)
        if failure:
            raise DebugWindowError(f"cannot open a debug window: {HardeningError(*failure)}")
        self._opened = True
        _log.warning("the user can inspect process %d for %g seconds", os.getpid(), self.seconds)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if not self._opened:
            return
        self._opened = False
        failure = _debug_window.shut()
        if failure:
            raise HardeningError(*failure)
        now = status()
        if now.inspectable:
            problem = "the debug window could not be closed"
            raise HardeningError(0, problem, "inspection", INSPECTION_ERROR)
        _log.warning("process %d is hardened again", os.getpid())
        if now.tracer_pid and kind is None:
            raise DebugWindowError(f"process {now.tracer_pid} is still attached: detach it")
