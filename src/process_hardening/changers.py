"""Finds out who, besides root, can change what a path leads to."""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterator

SOMEBODY = -1
"""Stands for the members of a group, or for all users."""

_MOST_LINKS = 40  # path_resolution(7)


def find_changers(path: str) -> set[int]:
    """Return the uids of users, except root, who can change what a path leads to, or SOMEBODY.

    They own the file, or a link or directory on the way to it, or can write to one of these. If the
    file does not exist, they can create it.
    """
    found: set[int] = set()
    try:
        start = "" if path.startswith("/") else os.getcwd()
    except FileNotFoundError:  # it was deleted: nobody can create anything in it
        return {SOMEBODY} if ".." in path.split("/") else found
    here, names = "/", os.path.join(start, path).split("/")[::-1]
    links = 0
    while True:
        try:
            facts = os.lstat(here)
            found.add(facts.st_uid)
            target = os.readlink(here) if stat.S_ISLNK(facts.st_mode) else None
        except (OSError, ValueError):  # ValueError for a NUL in the path
            break
        if target is not None and links < _MOST_LINKS:
            links += 1
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


def find_changers_below(top: str) -> Iterator[tuple[str, set[int]]]:
    """Yield a path, and all files and directories below it, each with those who can change it.

    A directory comes before what is in it: who can change only the directory is not repeated there.
    Follows links. Looks into each directory once; one that cannot be read counts as empty.
    """
    yield top, find_changers(top)
    folders, visited = [top], set()
    while folders:
        folder = folders.pop()
        try:
            facts = os.stat(folder)
            entries = list(os.scandir(folder)) if stat.S_ISDIR(facts.st_mode) else []
        except OSError:
            continue
        if (facts.st_dev, facts.st_ino) in visited:
            continue
        visited.add((facts.st_dev, facts.st_ino))
        for entry in entries:
            yield entry.path, _find_changers_of(entry)
            if entry.is_symlink() or entry.is_dir():
                folders.append(entry.path)


def _find_changers_of(entry: os.DirEntry[str]) -> set[int]:
    """Return who can change an entry of a directory that nobody else can change."""
    if entry.is_symlink():
        return find_changers(entry.path)
    try:
        facts = entry.stat(follow_symlinks=False)
    except OSError:
        return set()
    is_writable = _is_writable(facts, None)
    return ({facts.st_uid} | ({SOMEBODY} if is_writable else set())) - {0}


def _drop_empty(names: list[str]) -> list[str]:
    while names and names[-1] in ("", "."):
        names = names[:-1]
    return names


def _is_writable(facts: os.stat_result, entry: str | None) -> bool:
    """Return whether others can write to a file, or to a directory that has this entry."""
    mode = facts.st_mode
    if stat.S_ISLNK(mode):
        return False
    # Also of group 0, which users other than root can have, as in images made for OpenShift. These
    # bits cover who is in an access control list, too: they are its mask (acl(5)).
    is_open = bool(mode & 0o022)
    # In a sticky directory, only the owner of an entry can replace it.
    is_sticky = bool(mode & stat.S_ISVTX) and entry is not None and os.path.lexists(entry)
    return is_open and not is_sticky
