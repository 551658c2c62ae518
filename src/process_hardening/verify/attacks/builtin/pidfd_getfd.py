"""Take a copy of another process's open descriptor.

Type: descriptors
API: pidfd_open, pidfd_getfd (Linux 5.6)
Needs: the same user; with Yama a ptrace_scope of 0, or the target's consent
Refused looks like: EPERM from pidfd_getfd
"""

from __future__ import annotations

import errno
import os
import stat

from process_hardening.verify.lab import kernel
from process_hardening.verify.attacks.builtin.reading import (
    descriptors,
    nothing_needed,
    read_descriptor,
)
from process_hardening.verify.model import BUILT_IN, READS, Attack, Attempt, Target


def run(target: Target) -> Attempt:
    """Take each descriptor and look for the secrets in the regular files among them."""
    places: list[str] = []
    count = 0
    pidfd = os.pidfd_open(target.pid)
    try:
        for number in descriptors(target):
            try:
                fd = kernel.pidfd_getfd(pidfd, number)
            except OSError as error:
                if error.errno != errno.EBADF:
                    raise
                continue
            try:
                count += 1
                if stat.S_ISREG(os.fstat(fd).st_mode):
                    places += target.found_in(read_descriptor(fd))
            finally:
                os.close(fd)
    finally:
        os.close(pidfd)
    return Attempt(bool(places), f"took {count} descriptors", places=tuple(places))


ATTACK = Attack(
    name="pidfd-getfd",
    kind=BUILT_IN,
    summary="take a copy of an open descriptor",
    effect=READS,
    command="pidfd_getfd(pidfd_open(PID), N)",
    needs=nothing_needed,
    run=run,
)
