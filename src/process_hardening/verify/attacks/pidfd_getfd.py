"""Duplicate another process's open descriptor with pidfd_getfd (Linux 5.6)."""

from __future__ import annotations

import errno
import os
import stat

from process_hardening.verify.attacks.reading import (
    PTRACE_ACCESS,
    descriptors_to_try,
    find_nothing_missing,
    judge_files,
    read_descriptor,
)
from process_hardening.verify.lab import kernel
from process_hardening.verify.model import BUILT_IN, READS, Attack, Attempt, Target


def duplicate_descriptors(target: Target) -> Attempt:
    """Duplicate each descriptor and look for the secrets in the regular files among them."""
    places: list[str] = []
    count = 0
    pidfd = kernel.pidfd_open(target.pid)
    try:
        for number in descriptors_to_try(target):
            try:
                fd = kernel.pidfd_getfd(pidfd, number)
            except OSError as error:
                if error.errno != errno.EBADF:
                    raise
                continue
            try:
                count += 1
                if stat.S_ISREG(os.fstat(fd).st_mode):
                    places += target.places_in(read_descriptor(fd))
            finally:
                os.close(fd)
    finally:
        os.close(pidfd)
    return judge_files(target, places, count, f"duplicated {count} descriptors")


ATTACKS = (
    Attack(
        name="pidfd-getfd",
        kind=BUILT_IN,
        summary="duplicate an open descriptor",
        type="descriptors",
        targets="any process",
        requires=PTRACE_ACCESS,
        refusal="EPERM from pidfd_getfd",
        effect=READS,
        command="pidfd_getfd(pidfd_open(PID), N)",
        find_missing=find_nothing_missing,
        run=duplicate_descriptors,
    ),
)
