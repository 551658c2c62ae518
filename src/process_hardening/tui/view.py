"""What the screens show: rows, what changed in them, which, and in what order. Pure.

Views are made in the watcher's thread and never changed afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from process_hardening.audit.result import Audit, Entry
from process_hardening.audit.rules.model import Check, rank
from process_hardening.audit.tree import walk_tree
from process_hardening.state import EXPOSED, HARDENED, PARTIAL, VERDICTS
from process_hardening.terminal import printable

APPEARED = "appeared"
LOST = "lost hardening"
GAINED = "gained hardening"
GONE = "gone"

MARKED_SECONDS = 10.0
"""How long a change stays marked; at least until the next look."""

_PROTECTION: dict[str, int] = {EXPOSED: 0, PARTIAL: 1, HARDENED: 2}


@dataclass(frozen=True)
class Mark:
    """A change of a process, and when it was seen."""

    change: str
    at: float


@dataclass(frozen=True)
class Row:
    """One process, with what the table needs often.

    name, user, ids -- as they are shown; searchable -- what the filter looks at
    severity -- the rank of the worst finding, -1 for none; mark -- what changed lately
    depth -- how far down in the tree it is shown
    """

    entry: Entry
    name: str
    user: str
    ids: str
    searchable: str
    severity: int
    mark: Mark | None = None
    depth: int = 0

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.entry.posture.pid

    @property
    def verdict(self) -> str:
        """Its verdict."""
        return self.entry.posture.verdict

    @property
    def is_gone(self) -> bool:
        """Whether it has ended."""
        return self.mark is not None and self.mark.change == GONE


@dataclass(frozen=True)
class View:
    """One look at the machine.

    at -- when; audit -- what was seen, None when nothing could be; problem -- why
    rows -- every process with memory, and those that have just ended, by pid
    """

    at: float
    audit: Audit | None = None
    rows: tuple[Row, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class HostView:
    """One look at the host: the checks of doctor, or why there are none."""

    checks: tuple[Check, ...] = ()
    problem: str = ""


def row_of(entry: Entry, mark: Mark | None = None) -> Row:
    """The row of a process."""
    posture = entry.posture
    name = "(hidden)" if posture.is_name_hidden else printable(posture.name) or "?"
    user = printable(entry.user)
    ids = " ".join(finding.id for finding in entry.findings)
    words = (posture.pid, name, user, posture.verdict, ids, printable(posture.exe or ""))
    searchable = " ".join(map(str, words)).casefold()
    severity = max((rank(finding.severity) for finding in entry.findings), default=-1)
    return Row(entry, name, user, ids, searchable, severity, mark)


def _change(before: Row | None, now: Entry) -> str | None:
    """What became of a process since the look before."""
    if before is None or before.is_gone:
        return APPEARED
    was = _PROTECTION.get(before.verdict)
    is_now = _PROTECTION.get(now.posture.verdict)
    if was is None or is_now is None or was == is_now:
        return None
    return LOST if is_now < was else GAINED


def view_of(audit: Audit, at: float, before: View | None) -> View:
    """The view of an audit: every row, with what changed since the view before."""
    known = {row.pid: row for row in before.rows} if before else {}
    rows = []
    for entry in audit.entries:
        if not entry.posture.has_memory:
            continue
        last = known.pop(entry.posture.pid, None)
        change = _change(last, entry) if before and before.audit else None
        mark = Mark(change, at) if change else _still_marked(last, at)
        rows.append(row_of(entry, mark))
    for last in known.values():
        mark = _still_marked(last, at) if last.is_gone else Mark(GONE, at)
        if mark:
            rows.append(row_of(last.entry, mark))
    rows.sort(key=lambda row: row.pid)
    return View(at, audit, tuple(rows))


def _still_marked(row: Row | None, at: float) -> Mark | None:
    if row is None or row.mark is None or at - row.mark.at >= MARKED_SECONDS:
        return None
    return row.mark


_BY_CHANGE = {LOST: 0, GAINED: 1, APPEARED: 2, GONE: 3, "": 4}

_SortKey = Callable[[Row], tuple[int | str, ...]]
SORTS: dict[str, _SortKey] = {
    "risk": lambda row: (-row.severity, VERDICTS.index(row.verdict)),
    "change": lambda row: (_BY_CHANGE[row.mark.change if row.mark else ""],),
    "pid": lambda _: (),
    "user": lambda row: (row.user,),
    "verdict": lambda row: (VERDICTS.index(row.verdict),),
    "name": lambda row: (row.name.casefold(),),
    "findings": lambda row: (-len(row.entry.findings),),
}
"""The orders of the table, by name; the pid decides between equals."""


@dataclass(frozen=True)
class Selection:
    """Which rows are shown, and in what order.

    text -- words, each of which the row has to have; user -- None: all
    sort -- of SORTS; descending -- the other way round; tree -- parents above their children
    """

    text: str = ""
    user: str | None = None
    python: bool = False
    exposed: bool = False
    sort: str = "risk"
    descending: bool = False
    tree: bool = False

    def of(self, rows: Iterable[Row]) -> tuple[Row, ...]:
        """The rows that are asked for."""
        wanted = self.text.casefold().split()
        chosen = [
            row
            for row in rows
            if (self.user is None or row.user == self.user)
            and (not self.python or row.entry.posture.runs_python)
            and (not self.exposed or row.verdict == EXPOSED)
            and all(word in row.searchable for word in wanted)
        ]
        if self.tree:
            return tuple(_as_tree(chosen))
        key = SORTS[self.sort]
        chosen.sort(key=lambda row: (*key(row), row.pid), reverse=self.descending)
        return tuple(chosen)

    @property
    def words(self) -> str:
        """What is left out, in words; '' for nothing."""
        told = [f"user {self.user}"] if self.user is not None else []
        told += ["Python"] * self.python + ["exposed"] * self.exposed
        told += [f"“{printable(self.text)}”"] if self.text else []
        return ", ".join(told)


def _as_tree(rows: list[Row]) -> Iterator[Row]:
    by_pid = {row.pid: row for row in rows}
    for depth, posture in walk_tree(row.entry.posture for row in rows):
        yield replace(by_pid[posture.pid], depth=depth)
