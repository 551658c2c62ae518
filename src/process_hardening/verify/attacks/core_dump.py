"""Crash a process and read its core: one row per signal, and one that raises the limit first."""

from __future__ import annotations

import errno
import glob
import mmap
import os
import re
import resource
import signal
import time
from collections.abc import Callable
from functools import partial

from process_hardening.audit.procfs import parse_bits, parse_status
from process_hardening.verify.lab.core_guard import CORE_FILE, CORE_PIPE, PATTERN, read_pattern
from process_hardening.verify.model import (
    BUILT_IN,
    KILLS,
    Attack,
    Attempt,
    DoesNotApplyError,
    NoResultError,
    Target,
)

_DEATH_SECONDS = 4.0
_COLLECT_SECONDS = 3.0


def read_core_pattern() -> str:
    """Return the current kernel.core_pattern."""
    return os.fsdecode(read_pattern())


def find_missing_file() -> str | None:
    """Return what prevents core files, or None if nothing does or we can set the pattern."""
    if os.access(PATTERN, os.W_OK):
        return None
    pattern = read_core_pattern()
    if pattern.startswith(("|", "@")):
        return "kernel.core_pattern pipes cores to another program: run verify as root to set it"
    folder = os.path.dirname(pattern.partition("%")[0])
    if folder and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        problem = f"kernel.core_pattern puts cores into {folder}, where this user cannot look"
        return f"{problem}: run verify as root to set it"
    return None


def find_missing_pipe() -> str | None:
    """Return what prevents us from making the kernel pipe cores to a program, or None."""
    if os.access(PATTERN, os.W_OK):
        return None
    return "cannot set kernel.core_pattern: run verify as root, with a short TMPDIR"


def _find_cores(folder: str, pid: int) -> list[str]:
    """Return the files that the current pattern may have created for a process in a directory."""
    pattern = read_core_pattern()
    if pattern.startswith("|"):
        _, ours, rest = pattern.partition(" of=")  # ours: "|PROGRAM ... of=PATH"
        if not ours:
            return []
        pattern = rest.partition(" ")[0]
        folder = "/"
    pieces = re.split("%(.)", os.path.join(glob.escape(folder), pattern))
    for index in range(1, len(pieces), 2):
        pieces[index] = {"p": str(pid), "u": str(os.geteuid()), "d": "1", "%": "%"}.get(
            pieces[index], "*"
        )
    path = "".join(pieces)
    return glob.glob(path) + glob.glob(f"{path}.{pid}")


def _search_file(target: Target, path: str) -> tuple[str, ...]:
    """Return the places of the secrets found in a file, which may be large."""
    with open(path, "rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return ()
        with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
            return tuple(
                place for place, needle in target.needles.items() if data.find(needle) >= 0
            )


def _collect_core(
    target: Target, folder: str, dumped: bool, before: list[str]
) -> tuple[tuple[str, ...], int | None]:
    """Return the places of the secrets found in the core, and its size; None if there is no core.

    This may have to wait: the program that reads the pipe may still be writing the core.

    before -- the files that existed before the crash, which are not ours to read or remove
    """
    deadline = time.monotonic() + (_COLLECT_SECONDS if dumped else 0.0)
    while True:
        for path in sorted(set(_find_cores(folder, target.pid)) - set(before)):
            size = os.stat(path).st_size
            places = _search_file(target, path)
            if places or time.monotonic() >= deadline:
                if os.access(os.path.dirname(path), os.W_OK):
                    os.unlink(path)
                return places, size
        if time.monotonic() >= deadline:
            return (), None
        time.sleep(0.02)


def crash(number: int, target: Target) -> Attempt:
    """Kill the target with a signal and look for the secrets in the core."""
    assert target.victim is not None
    return crash_by(partial(target.victim.signal, number), signal.Signals(number), target)


def _catches(pid: int, number: int) -> bool:
    """Return whether a process catches or ignores a signal, as far as we can see."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            fields = parse_status(file.read())
    except OSError:
        return False
    masks = (parse_bits(fields, name) or 0 for name in ("SigCgt", "SigIgn"))
    return any(mask >> number - 1 & 1 for mask in masks)


def crash_by(cause: Callable[[], object], number: signal.Signals, target: Target) -> Attempt:
    """Crash the target and look for the secrets in the core.

    cause -- makes the target crash; number -- the signal that kills it

    Raises DoesNotApplyError if the target catches that signal and is not killed by it, and
    NoResultError if the target does not exit.
    """
    victim = target.victim
    assert victim is not None
    pattern = read_core_pattern()
    before = _find_cores(victim.cwd, target.pid)
    catches = _catches(target.pid, number)
    cause()
    status = victim.wait(_DEATH_SECONDS)
    if catches and (status is None or not os.WIFSIGNALED(status)):
        raise DoesNotApplyError(f"the program catches {number.name}, so it leaves no core")
    if status is None:
        raise NoResultError(f"{number.name}: the target did not exit")
    dumped = os.WIFSIGNALED(status) and os.WCOREDUMP(status)
    places, size = _collect_core(target, victim.cwd, dumped, before)
    ended = f"killed by {number.name}" if os.WIFSIGNALED(status) else "exited despite the signal"
    if size is None and read_core_pattern() != pattern:
        core = "but another program changed kernel.core_pattern meanwhile"
    elif size is None:
        core = "core dumped, but not found" if dumped else "no core"
    else:
        core = f"core of {size} bytes"
    return Attempt(bool(places), f"{ended}, {core}", places=places)


def raise_limit_and_crash(target: Target) -> Attempt:
    """Raise the core limit as far as our hard limit allows; crash the target even if that fails."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    refused = False
    try:
        resource.prlimit(target.pid, resource.RLIMIT_CORE, (hard, hard))
    except (PermissionError, ValueError):  # Python turns EPERM into a ValueError
        refused = True
    attempt = crash(signal.SIGSEGV, target)
    if attempt.leaked or not refused:
        return attempt
    message = f"prlimit(RLIMIT_CORE): {os.strerror(errno.EPERM)}; {attempt.message}"
    return Attempt(False, message, errno.EPERM)


FILE_NEEDED = "kernel.core_pattern writes files, or can be set; a hard core limit above 0"
_PIPE_NEEDED = "kernel.core_pattern can be set (root); it is restored"


def _crash_attack(name: str, number: signal.Signals, pattern: str, repeats: bool = True) -> Attack:
    is_pipe = pattern == CORE_PIPE
    return Attack(
        name=name,
        kind=BUILT_IN,
        summary=f"crash it with {number.name} and read the core from a {pattern}",
        type="core dump",
        targets="any process",
        requires=_PIPE_NEEDED if is_pipe else FILE_NEEDED,
        refusal="no core appears",
        effect=KILLS,
        command=f"kill(PID, {number.name}); read the core from a {pattern}",
        find_missing=find_missing_pipe if is_pipe else find_missing_file,
        run=partial(crash, number),
        core_pattern=pattern,
        repeats=repeats,
        timeout=12.0,
    )


ATTACKS = (
    Attack(
        name="prlimit-core",
        kind=BUILT_IN,
        summary="raise its core limit, crash it and read the core",
        type="core dump",
        targets="a process that lowered only its soft core limit",
        requires=FILE_NEEDED,
        refusal="EPERM from prlimit, as the hard limit is 0 too",
        effect=KILLS,
        command="prlimit(PID, RLIMIT_CORE, hard limit); kill(PID, SIGSEGV); read the core",
        find_missing=find_missing_file,
        run=raise_limit_and_crash,
        core_pattern=CORE_FILE,
        soft_core_limit=True,
        timeout=12.0,
    ),
    # Signals of a failed assertion, a bad pointer, Ctrl-\ in a terminal and a truncated mapping.
    _crash_attack("core-abort", signal.SIGABRT, CORE_FILE),
    _crash_attack("core-segv", signal.SIGSEGV, CORE_FILE, repeats=False),
    _crash_attack("core-quit", signal.SIGQUIT, CORE_FILE),
    _crash_attack("core-bus", signal.SIGBUS, CORE_FILE),
    _crash_attack("core-pipe-abort", signal.SIGABRT, CORE_PIPE),
    _crash_attack("core-pipe-segv", signal.SIGSEGV, CORE_PIPE, repeats=False),
    _crash_attack("core-pipe-quit", signal.SIGQUIT, CORE_PIPE),
)
