"""Confinement: keeps a program or this process from reading processes outside its domain (Linux).

It uses a Landlock domain, and a seccomp filter for what Landlock does not cover. Both are set up in
C (native/launch/domain.c). The module is not called confine, because that is a public function.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

from process_hardening.environment import read_initial_entries
from process_hardening.errors import CannotProtectError, ConfinementError
from process_hardening.record import Record
from process_hardening.system import IS_LINUX
from process_hardening.variables import check_flag

if IS_LINUX:
    from process_hardening import _confine

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, NoReturn, Protocol

    class Argv(Protocol):
        """A list or tuple of words, but not a str, which is also a Sequence[str]."""

        def __contains__(self, word: object, /) -> bool: ...
        def __iter__(self) -> Iterator[str | os.PathLike[str]]: ...


COMMAND = os.path.join(os.path.dirname(__file__), "confine")
"""The native command, which is installed next to `process-hardening`."""

_UNSUPPORTED = "programs can be confined only on Linux"


class Confinement(Record):
    """What this kernel can confine; true if it can confine programs at all.

    landlock -- the Landlock ABI version; 0: there is no Landlock
    refuses_signals -- whether it can block signals to processes outside the domain (Linux 6.12)
    covers_threads -- whether confine() works while threads run (Linux 7.0)
    reason -- why it cannot confine, and what to do; None if it can
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


def confined(argv: Argv, *, allow_signals: bool = False, strict: bool = False) -> list[str]:
    """Return an argv that starts a program confined, for subprocess, asyncio and similar APIs.

    argv -- the program and its arguments, as a list
    allow_signals, strict -- as for the command `confine`

    The process exits with 126 if the kernel cannot confine it, and with 127 if there is no such
    program. Raises TypeError for a str instead of a list, ValueError for an empty list or a NUL
    byte, and ConfinementError on systems other than Linux.
    """
    if isinstance(argv, (str, bytes, os.PathLike)):
        raise TypeError("takes a list: the program and its arguments; see shlex.split()")
    check_flag("allow_signals", allow_signals)
    check_flag("strict", strict)
    words = [os.fsdecode(word) for word in argv]
    if not words:
        raise ValueError("argv is empty: name a program")
    if any("\0" in word for word in words):
        raise ValueError("a NUL byte in the program or an argument: remove it")
    _require_linux()
    options = {"--allow-signals": allow_signals, "--strict": strict}
    chosen = (option for option, is_set in options.items() if is_set)
    return [COMMAND, *chosen, "--", *words]


def confine(*, allow_signals: bool = False) -> None:
    """Confine this process permanently, with every program that it starts or executes.

    allow_signals -- allow signals to processes outside the domain

    Programs that it starts from then on share its domain, so they can read this process. For
    untrusted programs, still use popen_confined(), which creates a nested domain.

    Before Linux 7.0, call it before the process starts threads, because the kernel confines only
    one thread at a time. Raises ConfinementError if the kernel cannot confine, or if threads are
    already running; in the second case, nothing has changed.
    """
    check_flag("allow_signals", allow_signals)
    _require_linux()
    try:
        is_single = len(os.listdir("/proc/self/task")) == 1
    except OSError as error:
        reason = f"/proc/self/task: {error.strerror}: mount /proc, which lists the threads"
        raise ConfinementError(error.errno or 0, reason) from None
    if not is_single and not confinement().covers_threads:
        reason = "threads are already running, and before Linux 7.0 each confines only itself"
        raise ConfinementError(0, f"{reason}: call confine() first, or use popen_confined()")
    restrict(allow_signals, all_threads=not is_single)


def popen_confined(
    argv: Argv,
    *,
    allow_signals: bool = False,
    strict: bool = False,
    **options: Any,
) -> subprocess.Popen[Any]:
    """Start a program confined: subprocess.Popen(confined(argv)).

    argv, allow_signals, strict -- as for confined()
    options -- those of subprocess.Popen, except shell and executable, which would start a different
        program

    Returns a Popen. The process exits with 126 if the kernel cannot confine the program, and with
    127 if there is no such program. Raises what confined() and subprocess.Popen raise, and
    TypeError for shell and executable.
    """
    for name in ("shell", "executable"):
        if options.get(name):
            raise TypeError(f"popen_confined() accepts no {name}: put it in argv")
    start: Callable[..., subprocess.Popen[Any]] = subprocess.Popen
    return start(confined(argv, allow_signals=allow_signals, strict=strict), **options)


def become(arguments: Iterable[str]) -> NoReturn:
    """Become the native command, with the initial environment of this process.

    Raises ConfinementError on systems other than Linux, CannotProtectError if the command is
    missing, and HardeningError if the environment cannot be read.
    """
    _require_linux()
    entries = read_initial_entries()
    # Python ignores these signals, and exec would preserve that.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    words = tuple(os.fsencode(word) for word in (os.path.basename(COMMAND), *arguments))
    error = _confine.become(os.fsencode(COMMAND), words, tuple(entries))
    raise CannotProtectError(f"{COMMAND}: {os.strerror(error)}")


def explain(arguments: Iterable[str]) -> tuple[int, str]:
    """Run the native command, whose arguments include --explain.

    Returns its exit status and what it printed on standard output. Raises ConfinementError on
    systems other than Linux, and CannotProtectError if the command cannot be run.
    """
    _require_linux()
    try:
        done = subprocess.run([COMMAND, *arguments], stdout=subprocess.PIPE, check=False)
    except OSError as error:
        raise CannotProtectError(f"{COMMAND}: {error.strerror}") from None
    if done.returncode < 0:
        raise CannotProtectError(f"{COMMAND}: killed by signal {-done.returncode}")
    if not (done.returncode or done.stdout):
        raise CannotProtectError(
            f"{COMMAND}: its exit status is lost because SIGCHLD is ignored: set SIGCHLD to SIG_DFL"
        )
    return done.returncode, os.fsdecode(done.stdout)


def _require_linux() -> None:
    if not IS_LINUX:
        raise ConfinementError(0, f"{_UNSUPPORTED}, not {sys.platform}")


def restrict(allow_signals: bool, all_threads: bool) -> None:
    """Confine this thread, or all threads. Raises ConfinementError.

    A program that a confined thread starts shares its domain, and can read this whole process
    through that thread.
    """
    with _start_probe() as probe:
        failure = _confine.confine(probe, not allow_signals, all_threads)
    if failure:
        raise ConfinementError(*failure)


@contextmanager
def _start_probe() -> Iterator[int]:
    """Yield the pid of a process outside the domain, on which the C code tests each restriction.

    That process has no data worth protecting.
    """
    argv, pipe = [COMMAND, "--probe"], subprocess.PIPE
    try:
        probe = subprocess.Popen(argv, stdin=pipe, stdout=pipe, env={}, cwd="/", bufsize=0)
    except OSError as error:
        raise ConfinementError(error.errno or 0, f"{COMMAND}: {error.strerror}") from None
    with probe:
        assert probe.stdout
        probe.stdout.read(1)  # ready
        yield probe.pid
