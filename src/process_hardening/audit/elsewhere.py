"""What is known about auditing other processes where the kernel is not Linux."""

from __future__ import annotations

import sys

from process_hardening.errors import CommandError
from process_hardening.system import IS_LINUX

_NOTHING_KNOWN = "nothing is known about how this system protects processes"

ELSEWHERE = {
    "darwin": (
        "the flag that PT_DENY_ATTACH sets cannot be seen from outside, so other processes cannot"
        " be audited here; `process-hardening status` reports what is known of this one"
    ),
    "freebsd": (
        "procctl(PROC_TRACE_STATUS) reports one process at a time and is not read yet;"
        " `process-hardening status` reports what is known of this one"
    ),
    "openbsd": (
        "there is no switch per process; kern.global_ptrace (0: only parents may trace) and"
        " fs.suiddumpable decide for all; `process-hardening status` reports on this one"
    ),
    "netbsd": (
        "there is no switch per process; security.models.bsd44 and proc.PID.corename decide;"
        " `process-hardening status` reports on this one"
    ),
    "win": (
        "a process's DACL decides who may read it, and this package does not set it;"
        " nothing is audited here"
    ),
}
"""By sys.platform without its numbers."""


def check_system() -> None:
    """Raises CommandError where other processes cannot be audited."""
    if not IS_LINUX:
        reason = ELSEWHERE.get(sys.platform.rstrip("0123456789"), _NOTHING_KNOWN)
        raise CommandError(f"{sys.platform}: {reason}")
