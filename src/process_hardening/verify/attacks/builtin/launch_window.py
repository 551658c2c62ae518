"""Open a process's memory while it starts, and read when it holds its secrets.

A descriptor stays usable for as long as the address space lives that it was opened on: hardening
later does not take it back. Who hardens in main(), or in a library's constructor, was open to
this for a moment; a new exec ends the address space, and an execute-only image never is open.

Type: race
API: kill(SIGSTOP, SIGCONT), open("/proc/PID/mem") before the hardening, pread afterwards
Needs: the same user; with Yama a ptrace_scope of 0 (or being its parent)
Refused looks like: no open succeeds, or the descriptors read nothing
"""

from __future__ import annotations

import os
import signal
import time
from collections import deque

from process_hardening.verify.attacks.builtin.reading import nothing_needed, read_through
from process_hardening.verify.model import BUILT_IN, LAUNCHES, Attack, Attempt, Target

_KEPT = 64
_SLICE = 0.00005
_SECONDS = 8.0


def _watch(target: Target) -> tuple[deque[int], OSError | None]:
    """The memory descriptors opened last until the target was ready, and the last refusal.

    The target is stopped again and again, and so goes forward in slices too small to slip
    through: signals may be sent to a hardened process, too.
    """
    victim = target.victim
    assert victim is not None
    path = f"/proc/{target.pid}/mem"
    kept: deque[int] = deque()
    refused: OSError | None = None
    deadline = time.monotonic() + _SECONDS
    victim.release()
    while not victim.is_ready(0.0):
        if time.monotonic() > deadline:
            raise TimeoutError(0, "the target did not get ready", path)
        victim.signal(signal.SIGSTOP)
        try:
            kept.append(os.open(path, os.O_RDONLY))
        except OSError as error:
            refused = error
        if len(kept) > _KEPT:
            os.close(kept.popleft())
        victim.signal(signal.SIGCONT)
        time.sleep(_SLICE)
    return kept, refused


def run(target: Target) -> Attempt:
    """Open as often as possible during the start; read through each descriptor afterwards."""
    kept, refused = _watch(target)
    assert target.victim is not None
    told = target.victim.target(target.folder)
    said = "what was opened before reads nothing"
    if refused is not None:
        said = f"/proc/PID/mem: {refused.strerror}; {said}"
    try:
        for fd in kept:
            try:
                attempt = read_through(fd, told)
            except OSError:
                continue
            if attempt.leaked:
                return attempt
    finally:
        for fd in kept:
            os.close(fd)
    return Attempt(False, said, refused.errno if refused else None)


ATTACK = Attack(
    name="launch-window",
    kind=BUILT_IN,
    summary="open /proc/PID/mem while it starts, read later",
    effect=LAUNCHES,
    command='open("/proc/PID/mem") until refused; pread(ADDRESS) when ready',
    needs=nothing_needed,
    run=run,
    alone=True,
    launches=3,
    timeout=30.0,
)
