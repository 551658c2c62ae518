"""Reads a process that /proc hides (mount option hidepid), through its pidfd and prlimit(2)."""

from __future__ import annotations

import select

from process_hardening.audit.dumpable import PIDFD, read_pidfd_info
from process_hardening.audit.posture import Posture
from process_hardening.state import UNLIMITED

_PROTECTED_BY_HIDEPID = (
    "name",
    "exe",
    "loader_variables",
    "secret_variables",
    "injected_libraries",
    "secret_arguments",
    "python",
    "other_user_namespace",
    "no_new_privs",
    "seccomp",
    "tracer_pid",
    "capabilities",
)


def read_hidden(pid: int, pidfd: int) -> Posture | None:
    """Return the posture of a process that /proc hides; None if it has ended."""
    if _has_ended(pidfd):
        return None
    info = read_pidfd_info(pidfd)
    core_limit = _ask_core_limit(pid)
    if _has_ended(pidfd):
        return None
    return Posture(
        pid=pid,
        ppid=info.ppid,
        uid=info.uid,
        gid=info.gid,
        dumpable=info.dumpable,
        dumpable_source=None if info.dumpable is None else PIDFD,
        inspectable=None if info.dumpable is None else info.dumpable == 1,
        core_limit=core_limit,
        protected=_PROTECTED_BY_HIDEPID,
        problem="/proc hides it (mount option hidepid)",
    )


def _has_ended(pidfd: int) -> bool:
    return bool(select.select([pidfd], [], [], 0)[0])


def _ask_core_limit(pid: int) -> tuple[int, int] | None:
    import resource

    try:
        limits = resource.prlimit(pid, resource.RLIMIT_CORE)
    except (PermissionError, ProcessLookupError):
        return None  # not permitted, or it has ended
    soft, hard = (UNLIMITED if n == resource.RLIM_INFINITY else n for n in limits)
    return soft, hard
