"""The process that tests for CVE-2026-46333; as root's child, it becomes nobody first.

It creates two children, which exit and stay zombies. The first is dumpable, the second is not.
Reading the user namespace of a process requires the right to trace it. Nobody has that right for
the second child, unless the kernel ignores the dumpable flag once the memory is freed. That is the
flaw. Nothing is stolen.
"""

from __future__ import annotations

import ctypes
import os
import signal

from process_hardening.separate import become_user

_NOBODY = 65534
_PR_SET_DUMPABLE = 4


def _exit(dumpable: int) -> None:
    """In the child: exit with status 0, dumpable or not."""
    try:
        os.closerange(0, 3)  # other processes of the user can take a dumpable process's files
        os._exit(ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, dumpable, 0, 0, 0))
    finally:
        os._exit(1)


def main() -> None:
    """Print for each child whether its user namespace can be read: 1 or 0."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # if it is ignored, no child stays a zombie
    if os.geteuid() == 0:
        become_user(_NOBODY, _NOBODY)
    pids = []
    for dumpable in (1, 0):
        pid = os.fork()
        if not pid:
            _exit(dumpable)
        pids.append(pid)
    seen = []
    for pid in pids:
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        try:
            readable = bool(os.readlink(f"/proc/{pid}/ns/user"))
        except OSError:
            readable = False
        seen.append(ended is not None and ended.si_status == 0 and readable)
    print(*map(int, seen))
