"""Confining: what this process starts, or the process itself, reads no process outside (Linux).

Landlock's domains do it, with a seccomp filter for what Landlock does not cover; both are C's, in
native/launch/domain.c. The module is not called confine: that would hide a public function.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import partial

from process_hardening import _native
from process_hardening.errors import CannotProtectError, ConfinementError, HardeningError
from process_hardening.record import Record
from process_hardening.system import IS_LINUX

if IS_LINUX:
    from process_hardening import _confine

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any, NoReturn, ParamSpec, TypeVar

    from typing_extensions import Self

    _P = ParamSpec("_P")
    _R = TypeVar("_R")
    _Reply = queue.SimpleQueue[tuple[Any, BaseException | None]]
    _Request = tuple[Callable[[], Any], _Reply]

COMMAND = os.path.join(os.path.dirname(__file__), "confine")
"""The native command, which is also installed beside `process-hardening`."""

_UNSUPPORTED = "only Linux can confine programs"


class Confinement(Record):
    """What this kernel can do. True if it can confine.

    landlock -- the version of Landlock's interface; 0: it has none
    refuses_signals -- whether it can refuse signals to processes outside (Linux 6.12)
    covers_threads -- whether confine() works while threads run (Linux 7.0)
    reason -- why it cannot confine, and what to do; None when it can
    """

    landlock: int
    refuses_signals: bool
    covers_threads: bool
    reason: str | None

    def __bool__(self) -> bool:
        return self.landlock > 0


def confinement() -> Confinement:
    """Return what this kernel can confine."""
    version: int | tuple[int, str] = _confine.landlock_version() if IS_LINUX else (0, _UNSUPPORTED)
    if isinstance(version, tuple):
        return Confinement(
            landlock=0, refuses_signals=False, covers_threads=False, reason=version[1]
        )
    return Confinement(
        landlock=version,
        refuses_signals=version >= _confine.REFUSES_SIGNALS,
        covers_threads=version >= _confine.COVERS_THREADS,
        reason=None,
    )


def confined(
    argv: Sequence[str | os.PathLike[str]], *, allow_signals: bool = False, strict: bool = False
) -> list[str]:
    """Return the arguments that start a program confined: for subprocess, asyncio and others.

    argv -- the program and its arguments, as a list
    allow_signals, strict -- as the options of the command `confine`

    What they start ends with 126 when the kernel cannot confine it, and with 127 when there is no
    such program. Raises TypeError for a text instead of a list, ValueError for an empty list, and
    ConfinementError on other systems than Linux.
    """
    if isinstance(argv, (str, bytes)):
        raise TypeError("confined() takes a list, the program and its arguments; see shlex.split()")
    if not argv:
        raise ValueError("confined() needs a program")
    _require_linux()
    options = {"--allow-signals": allow_signals, "--strict": strict}
    chosen = (option for option, is_set in options.items() if is_set)
    return [COMMAND, *chosen, "--", *(os.fspath(word) for word in argv)]


def confine(*, allow_signals: bool = False) -> None:
    """Confine this process, with what it starts and what it becomes, for ever.

    allow_signals -- let it send signals to processes outside

    Call it before the process starts threads: older kernels than Linux 7.0 confine one thread at a
    time. Raises ConfinementError when the kernel cannot do it or threads run already; in the second
    case nothing has changed.
    """
    _require_linux()
    is_single = len(os.listdir("/proc/self/task")) == 1
    if not is_single and not confinement().covers_threads:
        reason = "threads run already, and before Linux 7.0 each must be confined by itself"
        raise ConfinementError(0, f"{reason}: call confine() first, or use popen_confined()")
    _restrict(allow_signals, all_threads=not is_single)


class ConfinedStarter:
    """Starts programs in one confined domain: they see each other, and nothing outside.

    allow_signals -- let them send signals to processes outside

    A thread of its own is confined, and programs that a thread starts are confined with it; the
    rest of this process stays as it is. Raises ConfinementError when the kernel cannot do it.
    """

    def __init__(self, *, allow_signals: bool = False) -> None:
        self._allow_signals = allow_signals
        self._lock = threading.Lock()
        self._pid = 0
        self._start()

    def popen(self, *args: Any, **options: Any) -> subprocess.Popen[Any]:
        """Start a program confined.

        Takes the arguments of subprocess.Popen, returns a Popen and raises what Popen raises.
        """
        start: Callable[..., subprocess.Popen[Any]] = subprocess.Popen
        return self.call(start, *args, **options)

    def call(self, function: Callable[_P, _R], *args: _P.args, **keywords: _P.kwargs) -> _R:
        """Call a function in the confined thread; returns what it returns, raises what it raises.

        The function shares the memory of this process, so this confines programs that the function
        starts, not the function's own code.
        """
        with self._lock:
            if self._pid != os.getpid():  # threads do not survive a fork
                self._start()
        reply: _Reply = queue.SimpleQueue()
        self._calls.put((partial(function, *args, **keywords), reply))
        result: _R = _receive(reply)
        return result

    def close(self) -> None:
        """End the thread. Programs that it started go on."""
        self._calls.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> None:
        _require_linux()
        self._calls: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        ready: _Reply = queue.SimpleQueue()
        arguments = (self._calls, ready, self._allow_signals)
        threading.Thread(target=_serve, args=arguments, name="confined", daemon=True).start()
        _receive(ready)
        self._pid = os.getpid()


def _serve(calls: queue.SimpleQueue[_Request | None], ready: _Reply, allow_signals: bool) -> None:
    """Confine this thread, then make the calls that are asked for, one after the other."""
    call: Callable[[], Any] = partial(_restrict, allow_signals, all_threads=False)
    reply = ready
    while True:
        try:
            reply.put((call(), None))
        except BaseException as error:
            reply.put((None, error))
            if reply is ready:  # perhaps not confined: it must start nothing
                return
        request = calls.get()
        if request is None:
            return
        call, reply = request


def _receive(reply: _Reply) -> Any:
    result, error = reply.get()
    if error is not None:
        raise error
    return result


_default: ConfinedStarter | None = None
_default_lock = threading.Lock()


def popen_confined(*args: Any, **options: Any) -> subprocess.Popen[Any]:
    """Start a program confined, without a launcher: it reads no process outside its domain.

    Takes the arguments of subprocess.Popen and returns a Popen. All programs that it starts share
    one domain, in which one may stop another; a ConfinedStarter has a domain of its own.

    Raises what subprocess.Popen raises, and ConfinementError when the kernel cannot confine.
    """
    global _default
    with _default_lock:
        if _default is None:
            _default = ConfinedStarter()
    return _default.popen(*args, **options)


def become(arguments: Iterable[str]) -> NoReturn:
    """Become the native command, with what this process was started with.

    Raises ConfinementError on other systems than Linux, CannotProtectError when it is missing, and
    HardeningError when the environment cannot be read.
    """
    _require_linux()
    # Not os.environ: Python adds LC_CTYPE to that in the C locale (PEP 538).
    entries, failure = _native.initial_environment(False)
    if failure:
        raise HardeningError(*failure)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, which exec passes on
        signal.signal(number, signal.SIG_DFL)
    words = tuple(os.fsencode(word) for word in (os.path.basename(COMMAND), *arguments))
    error = _confine.become(os.fsencode(COMMAND), words, tuple(entries))
    raise CannotProtectError(f"{COMMAND}: {os.strerror(error)}")


def _require_linux() -> None:
    if not IS_LINUX:
        raise ConfinementError(0, f"{_UNSUPPORTED}, not {sys.platform}")


def _restrict(allow_signals: bool, all_threads: bool) -> None:
    """Confine this thread, or all of them. Raises ConfinementError."""
    with _start_probe() as probe:
        failure = _confine.confine(probe, not allow_signals, all_threads)
    if failure:
        raise ConfinementError(*failure)


@contextmanager
def _start_probe() -> Iterator[int]:
    """The pid of a process outside, on which C tries each restriction. It holds nothing."""
    argv, pipe = [COMMAND, "--probe"], subprocess.PIPE
    try:
        probe = subprocess.Popen(argv, stdin=pipe, stdout=pipe, env={}, cwd="/", bufsize=0)
    except OSError as error:
        raise ConfinementError(error.errno or 0, f"{COMMAND}: {error.strerror}") from None
    with probe:
        assert probe.stdout
        probe.stdout.read(1)  # ready
        yield probe.pid
