"""Open a file without a name through the descriptor of a process that has it open.

Type: /proc
API: open("/proc/PID/fd/N"), pread
Needs: the same user
Refused looks like: EACCES from open
"""

from __future__ import annotations

import os
import stat

from process_hardening.verify.attacks.builtin.reading import (
    descriptors,
    nothing_needed,
    read_descriptor,
)
from process_hardening.verify.model import BUILT_IN, READS, Attack, Attempt, Target


def run(target: Target) -> Attempt:
    """Open each descriptor that is a regular file and look for the secrets in it."""
    places: list[str] = []
    count = 0
    os.stat(f"/proc/{target.pid}/fd")
    for number in descriptors(target):
        path = f"/proc/{target.pid}/fd/{number}"
        try:
            # A pipe or terminal must not be opened: reading would take from the target.
            if not stat.S_ISREG(os.stat(path).st_mode):
                continue
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            continue
        try:
            places += target.found_in(read_descriptor(fd))
            count += 1
        finally:
            os.close(fd)
    return Attempt(bool(places), f"opened {count} files", places=tuple(places))


ATTACK = Attack(
    name="proc-fd",
    kind=BUILT_IN,
    summary="open an unnamed file through /proc/PID/fd",
    effect=READS,
    command='open("/proc/PID/fd/N"); pread()',
    needs=nothing_needed,
    run=run,
)
