"""What is known about auditing other processes on systems other than Linux."""

from __future__ import annotations

import sys

from process_hardening.errors import CommandError
from process_hardening.system import IS_LINUX

_NOTHING_KNOWN = "it is unknown how this system protects processes"

ELSEWHERE = {
    "darwin": (
        "the flag that PT_DENY_ATTACH sets cannot be read from outside, so other processes cannot"
        " be audited; `process-hardening status` reports what is known about this one"
    ),
    "freebsd": (
        "procctl(PROC_TRACE_STATUS) reports one process at a time and is not supported yet;"
        " `process-hardening status` reports what is known about this one"
    ),
    "openbsd": (
        "there is no per-process switch; kern.global_ptrace (0: only parents can trace) and"
        " fs.suiddumpable apply to all; `process-hardening status` reports on this one"
    ),
    "netbsd": (
        "there is no per-process switch; see security.models.bsd44 and proc.PID.corename in"
        " sysctl(7); `process-hardening status` reports on this one"
    ),
    "win": (
        "the DACL of a process decides who can read it, and this package does not set it;"
        " audit does not support this system"
    ),
}
"""Why a system is not supported. The key is sys.platform without its digits."""


def check_system() -> None:
    """Raise CommandError if other processes cannot be audited on this system."""
    if not IS_LINUX:
        reason = ELSEWHERE.get(sys.platform.rstrip("0123456789"), _NOTHING_KNOWN)
        raise CommandError(f"{sys.platform}: {reason}")
