"""What the attacks through core dumps have in common."""

from __future__ import annotations

import glob
import mmap
import os
import re
import signal
import time
from collections.abc import Callable

from process_hardening.verify.model import BUILT_IN, KILLS, Attack, Attempt, Target

_PATTERN = "/proc/sys/kernel/core_pattern"
_DEATH_SECONDS = 4.0
_COLLECT_SECONDS = 3.0


def core_pattern() -> str:
    """kernel.core_pattern, as it is now."""
    with open(_PATTERN, encoding="utf-8", errors="surrogateescape") as file:
        return file.read().rstrip("\n")


def needs_file() -> str | None:
    """Whether a core would be a file, now or when we set the pattern."""
    if os.access(_PATTERN, os.W_OK) or not core_pattern().startswith(("|", "@")):
        return None
    return "kernel.core_pattern gives cores to another program: run verify as root to set it"


def needs_pipe() -> str | None:
    """Whether we may have the kernel pipe cores to a program."""
    if os.access(_PATTERN, os.W_OK):
        return None
    return "kernel.core_pattern can be set by root only: run verify as root"


def _files(folder: str, pid: int) -> list[str]:
    """The cores that the pattern in force can have made for a process with that folder."""
    pattern = core_pattern()
    if pattern.startswith("|"):
        # Ours: "|PROGRAM ... of=/PATH/%p".
        return glob.glob(re.sub(r".* of=(\S*)%p.*", rf"\g<1>{pid}", pattern))
    pieces = re.split("%(.)", os.path.join(glob.escape(folder), pattern))
    for index in range(1, len(pieces), 2):
        pieces[index] = {"p": str(pid), "%": "%"}.get(pieces[index], "*")
    path = "".join(pieces)
    return glob.glob(path) + glob.glob(f"{path}.{pid}")


def _search(target: Target, path: str) -> tuple[str, ...]:
    with open(path, "rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return ()
        with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
            return tuple(
                place for place, needle in target.needles.items() if data.find(needle) >= 0
            )


def _collect(
    target: Target, folder: str, dumped: bool, before: list[str]
) -> tuple[tuple[str, ...], int | None]:
    """The places found in the core, and its size. A pipe's reader may still be writing.

    before -- files that were there before, and are not ours to read or remove
    """
    deadline = time.monotonic() + (_COLLECT_SECONDS if dumped else 0.0)
    while True:
        for path in sorted(set(_files(folder, target.pid)) - set(before)):
            size = os.stat(path).st_size
            places = _search(target, path)
            if places or time.monotonic() >= deadline:
                if os.access(os.path.dirname(path), os.W_OK):
                    os.unlink(path)
                return places, size
        if time.monotonic() >= deadline:
            return (), None
        time.sleep(0.02)


def crash(target: Target, number: int) -> Attempt:
    """Kill the target with a signal and look for the secrets in the core."""
    victim = target.victim
    assert victim is not None
    pattern = core_pattern()
    before = _files(victim.cwd, target.pid)
    victim.signal(number)
    status = victim.wait(_DEATH_SECONDS)
    name = signal.Signals(number).name
    if status is None:
        return Attempt(False, f"{name}: the target did not end")
    dumped = os.WIFSIGNALED(status) and os.WCOREDUMP(status)
    places, size = _collect(target, victim.cwd, dumped, before)
    ended = f"killed by {name}" if os.WIFSIGNALED(status) else "ended otherwise than by the signal"
    if size is None and core_pattern() != pattern:
        core = "but another program changed kernel.core_pattern meanwhile"
    elif size is None:
        core = "core dumped, but not found" if dumped else "no core"
    else:
        core = f"core of {size} bytes"
    return Attempt(bool(places), f"{ended}, {core}", places=places)


def core_attack(name: str, number: int, pipe: bool) -> Attack:
    """The attack that crashes its target with a signal."""
    signal_name = signal.Signals(number).name
    to = "a pipe" if pipe else "a file"
    return Attack(
        name=name,
        kind=BUILT_IN,
        summary=f"crash it with {signal_name}, read the core from {to}",
        effect=KILLS,
        command=f"kill(PID, {signal_name}); read the core from {to}",
        needs=needs_pipe if pipe else needs_file,
        run=_crasher(number),
        core_pattern="pipe" if pipe else "file",
        timeout=12.0,
    )


def _crasher(number: int) -> Callable[[Target], Attempt]:
    def run(target: Target) -> Attempt:
        return crash(target, number)

    return run
