"""A time in which a developer may attach a debugger, and its end."""

from __future__ import annotations

import logging
import os
import threading

import process_hardening as _native
from process_hardening.drift import end_process, pause_watches
from process_hardening.errors import DebugWindowError, HardeningError
from process_hardening.hardening import status
from process_hardening.policy import Policy

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from typing_extensions import Self

_log = logging.getLogger("process_hardening")
_ONLY_INSPECTION = Policy(core_limit=False, environment=False, bypass_variable=None)
_LONGEST = 24 * 60 * 60


class debuggable:  # noqa: N801 -- it is used like a function
    """Let debuggers of the same user attach while a block runs, for so many seconds at the most.

    seconds -- from 0.01 to a day; when they are over, the process is hardened again even if the
        block still runs

    The core limit stays 0. Opening and closing are logged as warnings to the logger
    'process_hardening'. At the end of the block the process is hardened again and the kernel asked
    whether it is; if it is not, the process ends with status 5. Watches pause meanwhile, and a
    child by fork is hardened at once.

    Raises DebugWindowError when the process is sealed, when a window is open already, when one is
    entered twice, and at the end when a debugger is still attached; ValueError for other seconds;
    HardeningError when the kernel refuses.
    """

    _open: debuggable | None = None
    _lock = threading.Lock()

    def __init__(self, seconds: float = 60.0) -> None:
        if not isinstance(seconds, (int, float)) or not 0.01 <= seconds <= _LONGEST:
            raise ValueError(f"seconds must be from 0.01 to {_LONGEST}, not {seconds!r}")
        self.seconds = seconds
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        with debuggable._lock:
            if self._timer or debuggable._open:
                raise DebugWindowError("a debug window is open already: they do not nest")
            if status().sealed:
                raise DebugWindowError("the process is sealed: nothing makes it inspectable again")
            pause_watches(True)
            try:
                _native._expose()
            except HardeningError:
                pause_watches(False)
                raise
            self._timer = threading.Timer(self.seconds, self._time_is_over)
            self._timer.daemon = True
            self._timer.start()
            debuggable._open = self
        _log.warning(
            "process %d can be inspected by its user for %g seconds", os.getpid(), self.seconds
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._timer:
            self._timer.cancel()
        self._close("is hardened again")
        tracer = status().tracer_pid
        if tracer and kind is None:
            raise DebugWindowError(f"process {tracer} is still attached: detach it")

    def _time_is_over(self) -> None:
        self._close("is hardened again: the time is over")

    def _close(self, what: str) -> None:
        with debuggable._lock:
            if debuggable._open is not self:
                return
            _harden_or_end()
            debuggable._open = None
            self._timer = None
            pause_watches(False)
        _log.warning("process %d %s", os.getpid(), what)


def _harden_or_end() -> None:
    try:
        _native.harden(_ONLY_INSPECTION)
    except HardeningError as error:
        end_process(str(error), error.exit_code)
    if status().inspectable:
        end_process("a debug window does not close", 5)


def _close_in_child() -> None:
    """A fork copies the open window, but not the thread that would close it."""
    debuggable._lock = threading.Lock()
    if debuggable._open:
        debuggable._open = None
        _harden_or_end()
        pause_watches(False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
