"""Finds out who, besides root, can change what a path leads to."""

from __future__ import annotations

import os
import stat

SOMEBODY = -1
"""Stands for the members of a group, or for all users."""

_MOST_LINKS = 40  # path_resolution(7)


def find_changers(path: str) -> set[int]:
    """Return the uids of users, except root, who can change what a path leads to, or SOMEBODY.

    They own the file, or a link or directory on the way to it, or can write to one of these. If the
    file does not exist, they can create it.
    """
    found: set[int] = set()
    here, names = "/", os.path.join(os.getcwd(), path).split("/")[::-1]
    links = 0
    while True:
        try:
            facts = os.lstat(here)
        except (OSError, ValueError):  # ValueError for a NUL in the path
            break
        found.add(facts.st_uid)
        if stat.S_ISLNK(facts.st_mode) and links < _MOST_LINKS:
            links += 1
            target = os.readlink(here)
            names += target.split("/")[::-1]
            here = "/" if target.startswith("/") else os.path.dirname(here)
            continue
        names = _drop_empty(names)
        if _is_writable(facts, os.path.join(here, names[-1]) if names else None):
            found.add(SOMEBODY)
        if not names:
            break
        name = names.pop()
        here = os.path.dirname(here) if name == ".." else os.path.join(here, name)
    return found - {0}


def _drop_empty(names: list[str]) -> list[str]:
    while names and names[-1] in ("", "."):
        names = names[:-1]
    return names


def _is_writable(facts: os.stat_result, entry: str | None) -> bool:
    """Return whether others can write to a file, or to a directory that has this entry."""
    if stat.S_ISLNK(facts.st_mode):
        return False
    is_open = bool(facts.st_mode & 0o002 or (facts.st_mode & 0o020 and facts.st_gid))
    # In a sticky directory, only the owner of an entry can replace it.
    is_sticky = bool(facts.st_mode & stat.S_ISVTX) and entry is not None and os.path.lexists(entry)
    return is_open and not is_sticky
