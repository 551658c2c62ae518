"""Checks whether processes are alive, and kills process groups and children."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress

_KILL_SECONDS = 3.0
_RESUME_SECONDS = 2.0  # a tracee may take some time to continue after its tracer was killed
_STOPPED_OR_DEAD = (b"T", b"t", b"Z", b"X")


def is_alive(pid: int) -> bool:
    """Return whether a process exists and is not stopped, as far as we can see."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in _STOPPED_OR_DEAD
    except (OSError, IndexError):
        return True


def runs_on(pid: int) -> bool:
    """Return whether a process runs, or continues soon if an attack or a tracer has stopped it."""
    deadline = time.monotonic() + _RESUME_SECONDS
    while not is_alive(pid):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.01)
    return True


def kill_group(pid: int) -> None:
    """Kill a process and its process group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def list_children() -> list[int]:
    """Return the children of this process, including adopted ones."""
    # Do not look for them among the directories of /proc, where hidepid hides hardened children.
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return [int(pid) for pid in file.read().split()]


def list_descendants() -> list[int]:
    """Return the processes that this process started, and those that they started.

    Orphans are included, because we adopt them. If hidepid hides a hardened process, its children
    are found only if they are in our session.
    """
    us = os.getpid()
    parents: dict[int, int] = {}
    sessions: dict[int, int] = {}
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
            state, *numbers = file.read().rpartition(b")")[2].split()[:4]
            if state not in (b"Z", b"X"):
                parents[int(name)], _, sessions[int(name)] = map(int, numbers)
    found = []
    for pid in parents:
        top, seen = pid, set[int]()
        while top != us and top in parents and top not in seen:
            seen.add(top)
            top = parents[top]
        is_outside = top not in (us, 0) and top not in parents
        is_orphan = is_outside and sessions[pid] == os.getsid(0)
        if pid != us and (top == us or is_orphan):
            found.append(pid)
    return sorted(found)


def kill_children(besides: Iterable[int] = ()) -> None:
    """Kill our children, including detached ones, since we adopt orphans."""
    kept = frozenset(besides)
    deadline = time.monotonic() + _KILL_SECONDS
    while time.monotonic() < deadline:
        left = [pid for pid in list_children() if pid not in kept]
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, os.WNOHANG)
            except (ProcessLookupError, ChildProcessError):
                pass
            except PermissionError:
                return  # it became a set-user-ID program, which we may not kill
        time.sleep(0.002)
