"""Finds parents and children among postures. Pure."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from process_hardening.audit.posture import Posture


def _children_of(postures: Iterable[Posture]) -> dict[int, list[Posture]]:
    """Map the pid of each parent to its children, in ascending order of the children's pids."""
    children: dict[int, list[Posture]] = {}
    for posture in sorted(postures, key=lambda posture: posture.pid):
        children.setdefault(posture.ppid or 0, []).append(posture)
    return children


def walk_tree(postures: Iterable[Posture]) -> Iterator[tuple[int, Posture]]:
    """Yield (depth, process) pairs, with each process before its descendants."""
    postures = list(postures)
    known = {posture.pid for posture in postures}
    children = _children_of(postures)
    roots = [p for p in sorted(postures, key=lambda p: p.pid) if p.ppid not in known]
    seen: set[int] = set()
    waiting = [(0, root) for root in reversed(roots)]
    while waiting or len(seen) < len(known):
        if not waiting:  # if pids were reused, processes can look like each other's parents
            waiting.append((0, next(p for p in postures if p.pid not in seen)))
        depth, posture = waiting.pop()
        if posture.pid in seen:
            continue
        seen.add(posture.pid)
        yield depth, posture
        waiting += [(depth + 1, child) for child in reversed(children.get(posture.pid, ()))]


def find_hardened_ancestors(postures: Iterable[Posture]) -> dict[int, Posture]:
    """Map the pid of each process to its nearest deliberately hardened ancestor, if it has one."""
    nearest: dict[int, Posture] = {}
    by_pid: dict[int, Posture] = {}
    for _, posture in walk_tree(postures):
        by_pid[posture.pid] = posture
        parent = by_pid.get(posture.ppid or 0)
        if parent is None:
            continue
        if parent.is_deliberately_hardened:
            nearest[posture.pid] = parent
        elif parent.pid in nearest:
            nearest[posture.pid] = nearest[parent.pid]
    return nearest


def find_lineage(postures: Iterable[Posture], pid: int) -> frozenset[int]:
    """Return the pid of a process, and the pids of its ancestors."""
    parents = {posture.pid: posture.ppid for posture in postures}
    found: set[int] = set()
    at: int | None = pid
    while at and at not in found:
        found.add(at)
        at = parents.get(at)
    return frozenset(found)
