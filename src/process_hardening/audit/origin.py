"""Finds out whether another user may have chosen what a process of root's is called."""

from __future__ import annotations

import os
import re

from process_hardening.audit.procfiles import read_file
from process_hardening.audit.procfs import parse_auxv

_AT_SECURE = 23  # getauxval(3)
_LONGEST_VECTOR = 1 << 12

_IDS = re.compile(rb"\nUid:\t(\d+)")
_PIDS = re.compile(rb"\nNSpid:((?:\t\d+)+)")


def is_chosen_by_other(folder: int, status: bytes) -> bool:
    """Return whether somebody else may have chosen the arguments of a process of root's.

    folder -- its directory in /proc; status -- the content of its status file

    True for a set-user-ID program, whose caller chooses even argv[0] (execve(2)), for a process in
    another pid namespace, such as a container's, and if neither is certain. Only root can find out.
    """
    if os.geteuid():
        return False
    user, pids = _IDS.search(status), _PIDS.search(status)
    if user is None or int(user[1]) or (pids and len(pids[1].split()) > 1):
        return True
    try:
        vector = read_file(folder, "auxv", _LONGEST_VECTOR) or b""
    except OSError:
        return True
    found = [parse_auxv(vector, bits).get(_AT_SECURE) for bits in (32, 64)]
    return 0 not in found or any(found)
