"""Starts processes that share nothing with root, and lets them become another user (Linux).

A process can read the memory, the environment and the open files of other processes of its user. So
what root starts as another user must have nothing of root's: no environment, terminal, keyring or
open file. start_separate() is called by root, and become_user() in the process that it starts.
That process executes nothing after become_user(), because an exec would make it readable again.
"""

from __future__ import annotations

import os
import subprocess
import sys

from process_hardening import harden
from process_hardening.policy import Policy
from process_hardening.system import IS_LINUX

if IS_LINUX:
    from process_hardening import _confine

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import IO

_UMASK = 0o077
_UNREADABLE = Policy(core_limit=False, environment=False, bypass_variable=None)
"""Children keep the core limit and the environment: some of them are meant to be attacked."""


def start_separate(
    argv: Sequence[str],
    *,
    cwd: str = "/",
    environment: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
    stderr: int | IO[bytes] = subprocess.DEVNULL,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a program with a new environment, in its own session, without our terminal and files.

    environment -- its variables, besides LANG and a PATH
    stdin, stderr -- as for subprocess; standard output is a pipe
    pass_fds -- the only other descriptors that it inherits

    Raises OSError.
    """
    return subprocess.Popen(
        argv,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        cwd=cwd,
        env={"PATH": os.defpath, "LANG": "C.UTF-8", **(environment or {})},
        pass_fds=pass_fds,
        start_new_session=True,
        umask=_UMASK,
    )


def become_user(uid: int, gid: int, groups: Sequence[int] = ()) -> None:
    """Change to a user for good, and stay unreadable for that user's other processes.

    groups -- the supplementary groups

    Raises OSError, or HardeningError if other processes could read this one.
    """
    # Done as root, so that the keyring does not count against the quota of the user's keys.
    error = _confine.leave_session_keyring()
    if error:
        raise OSError(error, os.strerror(error), "keyctl(KEYCTL_JOIN_SESSION_KEYRING)")
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if os.getresuid() != (uid,) * 3 or os.getresgid() != (gid,) * 3:
        raise OSError(0, "the user did not change", "setresuid")
    stay_unreadable()


def stay_unreadable() -> None:
    """Keep other processes of this user from reading this process. Raises HardeningError."""
    harden(_UNREADABLE)


def isolated_python(module: str) -> list[str]:
    """Return the command that calls main() of a module of this package.

    The interpreter imports only the standard library and the package where this process found it.
    """
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    code = f"import sys; sys.path.append({folder!r}); from {module} import main; main()"
    return [sys.executable, "-I", "-S", "-c", code]
