"""Open a process's memory while it starts, and read when it holds its secrets.

A descriptor stays usable for as long as the address space it was opened on: later hardening does
not revoke it. A program that hardens in main(), or in a library's constructor, is open to this
for a moment. A new exec ends the address space, and an execute-only image is never open.
"""

from __future__ import annotations

import os
import signal
import time
from collections import deque

from process_hardening.verify.attacks.reading import find_nothing_missing, read_through
from process_hardening.verify.model import BUILT_IN, LAUNCHES, Attack, Attempt, Target

_KEPT = 64
_SLICE = 0.00005
_SECONDS = 8.0


def _open_until_ready(target: Target) -> tuple[deque[int], OSError | None]:
    """The memory descriptors opened last before the target was ready, and the last refusal.

    The target is stopped repeatedly, so that it advances in slices too small to slip through: a
    hardened process receives signals too.
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


def open_early_read_late(target: Target) -> Attempt:
    """Open as often as possible during the start; read through each descriptor afterwards."""
    kept, refused = _open_until_ready(target)
    assert target.victim is not None
    ready_target = target.victim.target(target.folder)
    message = "descriptors opened earlier read nothing"
    if refused is not None:
        message = f"/proc/PID/mem: {refused.strerror}; {message}"
    try:
        for fd in kept:
            try:
                attempt = read_through(fd, ready_target)
            except OSError:
                continue
            if attempt.leaked:
                return attempt
    finally:
        for fd in kept:
            os.close(fd)
    return Attempt(False, message, refused.errno if refused else None)


ATTACKS = (
    Attack(
        name="launch-window",
        kind=BUILT_IN,
        summary="open /proc/PID/mem during start, read later",
        type="race",
        targets="a process that hardens itself after its exec",
        requires="the same user; with Yama, ptrace_scope 0 (or being its parent)",
        refusal="no open succeeds, or the descriptors read nothing",
        effect=LAUNCHES,
        command='open("/proc/PID/mem") until refused; pread(ADDRESS) when ready',
        find_missing=find_nothing_missing,
        run=open_early_read_late,
        alone=True,
        launches=3,
        timeout=30.0,
    ),
)
