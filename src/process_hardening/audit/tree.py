"""Which descendants of a hardened process lost the hardening, and the fix that fits. Pure."""

from __future__ import annotations

from process_hardening.audit.rules.findings import Finding

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from process_hardening.audit.reader import Posture

_FIXES = {
    "multiprocessing": (
        "pass `initializer=process_hardening.pre_main_hardening` to the pool, call it first in the"
        " target of each Process, or use the start method 'fork', which keeps the hardening"
    ),
    "celery": (
        "call pre_main_hardening() in a function connected to the signal worker_process_init; the"
        " prefork pool keeps the parent's hardening"
    ),
    "gunicorn": (
        "call pre_main_hardening() in the hook post_fork of gunicorn's configuration file; its"
        " workers are forked and keep the master's hardening until something execs"
    ),
    "uvicorn": (
        "call pre_main_hardening() at the top of the module that holds the application: every"
        " worker of `uvicorn --workers` imports it"
    ),
}
_FIX_FOR_PYTHON = (
    "call pre_main_hardening() as the first statement of the child, or give the parent"
    " Policy(children='harden'), or start it with `process-hardening run --children -- PROGRAM`"
)
_FIX = (
    "start the parent with `process-hardening run --children -- PROGRAM`: dynamically linked"
    " descendants then harden too; start this program itself with `process-hardening run` where"
    " it is static or the tool of another"
)


def children_of(postures: Iterable[Posture]) -> dict[int, list[Posture]]:
    """Parent pid to children, in ascending order of their pids."""
    children: dict[int, list[Posture]] = {}
    for posture in sorted(postures, key=lambda posture: posture.pid):
        children.setdefault(posture.ppid or 0, []).append(posture)
    return children


def in_order(postures: Iterable[Posture]) -> Iterator[tuple[int, Posture]]:
    """Depth and process, each followed by its descendants."""
    postures = list(postures)
    known = {posture.pid for posture in postures}
    children = children_of(postures)
    roots = [p for p in sorted(postures, key=lambda p: p.pid) if p.ppid not in known]
    seen: set[int] = set()
    waiting = [(0, root) for root in reversed(roots)]
    while waiting or len(seen) < len(known):
        if not waiting:  # parents that are each other's, as pids that were used again can make
            waiting.append((0, next(p for p in postures if p.pid not in seen)))
        depth, posture = waiting.pop()
        if posture.pid in seen:
            continue
        seen.add(posture.pid)
        yield depth, posture
        waiting += [(depth + 1, child) for child in reversed(children.get(posture.pid, ()))]


def hardens_itself(posture: Posture) -> bool:
    """Whether somebody meant to harden it: set-user-ID programs are not dumpable either."""
    return posture.inspectable is False and posture.core_limit == (0, 0)


def lost_workers(postures: Iterable[Posture]) -> Mapping[int, Finding]:
    """The descendants of hardened processes that can be inspected, with their finding, by pid.

    They count while they run as the same user: another user's is another matter.
    """
    lost: dict[int, Finding] = {}
    guardians: dict[int, Posture | None] = {}
    for _, posture in in_order(postures):
        above = guardians.get(posture.ppid or 0)
        guardians[posture.pid] = posture if hardens_itself(posture) else above
        if above is None or not posture.inspectable or posture.uid != above.uid:
            continue
        fix = _FIXES.get(posture.framework or "", _FIX_FOR_PYTHON if posture.python else _FIX)
        message = f"it is not hardened, but its ancestor {above.name} is"
        lost[posture.pid] = Finding("PH014", message, [above.name], fix)
    return lost
