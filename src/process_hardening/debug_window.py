"""A time in which a developer may attach a debugger, and its end."""

from __future__ import annotations

import logging
import os

from process_hardening import _debug_window
from process_hardening.errors import (
    INSPECTION_ERROR,
    DebugWindowError,
    HardeningError,
)
from process_hardening.state import status

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from typing_extensions import Self

_log = logging.getLogger("process_hardening")
_LONGEST = 24 * 60 * 60


class debuggable:  # noqa: N801 -- it is used like a function
    """Let debuggers of the same user attach while a block runs, for so many seconds at the most.

    seconds -- from 0.01 to a day; when they are over, the process is hardened again even if the
        block still runs, or hangs and holds the interpreter's lock

    Opening and closing are logged as warnings to the logger 'process_hardening'; the end of the
    time is a line on standard error. At the end of the block the process is hardened again and the
    kernel asked whether it is. Watches pause meanwhile, and a child by fork is hardened at once,
    but not one by _Fork(3) or a raw clone(2), which run no handlers: it stays open. A
    process that is not hardened (CODEX_SKIP_HARDENING=1) stays as it is.

    While it is open, the process is as exposed as any other: what somebody opens then, as
    /proc/PID/mem, stays open, and a crash may leave a core where kernel.core_pattern is a pipe.

    Raises DebugWindowError when the process is sealed, when a window is open already, where the
    system has no way back, and at the end when a debugger is still attached; ValueError for other
    seconds; HardeningError when it cannot be hardened again.
    """

    def __init__(self, seconds: float = 60.0) -> None:
        if not isinstance(seconds, (int, float)) or not 0.01 <= seconds <= _LONGEST:
            raise ValueError(f"seconds must be from 0.01 to {_LONGEST}, not {seconds!r}")
        self.seconds = seconds
        self._opened = False

    def __enter__(self) -> Self:
        if _debug_window.is_open():
            raise DebugWindowError("a debug window is open already: they do not nest")
        now = status()
        if now.sealed:
            raise DebugWindowError("the process is sealed: nothing makes it inspectable again")
        if now.inspectable:
            _log.warning("process %d is not hardened: its user can inspect it anyway", os.getpid())
            return self
        failure = _debug_window.expose(self.seconds)
        if failure:
            raise DebugWindowError(
                f"no debug window can be opened here: {HardeningError(*failure)}"
            )
        self._opened = True
        _log.warning(
            "process %d can be inspected by its user for %g seconds", os.getpid(), self.seconds
        )
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
