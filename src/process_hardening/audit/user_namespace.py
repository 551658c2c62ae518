"""Compares the user namespaces of other processes with our own (user_namespaces(7))."""

from __future__ import annotations

from process_hardening.audit.procfiles import read_file, read_link
from process_hardening.audit.procfs import parse_id_map

_FIRST = "user:[4026531837]"
"""PROC_USER_INIT_INO in include/linux/proc_ns.h."""


class OwnUserNamespace:
    """Our own user namespace. Each method takes a descriptor of another process's /proc/PID.

    link, id_map -- our own /proc/self/ns/user and uid_map; None: not in this kernel
    """

    def __init__(self, link: str | None, id_map: bytes | None) -> None:
        self._link = link
        self._id_map = id_map

    def is_shared_with(self, folder: int) -> bool:
        """Return whether a process is certainly in our namespace."""
        return read_link(folder, "ns/user") == self._link is not None

    def is_other_of(self, folder: int) -> bool | None:
        """Return whether a process is in another namespace; None: unknown."""
        if self._link is None and self._id_map is None:
            return False  # this kernel has no user namespaces
        theirs = read_link(folder, "ns/user")
        if theirs is not None and self._link is not None:
            return theirs != self._link
        # Everyone can read the map of user ids, in which the kernel translates the outer ids for
        # the reader. Another namespace has a different map, unless both map ids to themselves.
        # Beside the first namespace, only root can create one that does so with all ids.
        id_map = read_file(folder, "uid_map")
        if not id_map or not self._id_map:
            return None
        if id_map != self._id_map:
            return True
        if self._link == _FIRST:
            return False
        rows = parse_id_map(self._id_map)
        return None if all(inside == outside for inside, outside, _ in rows) else False

    def has_as_root(self, uid: int, folder: int) -> bool:
        """Return whether one of our user ids is root in the namespace of a process."""
        if uid == 0:
            return True
        rows = parse_id_map((self._id_map and read_file(folder, "uid_map")) or b"")
        return any(inside == 0 and outside == uid for inside, outside, _ in rows)
