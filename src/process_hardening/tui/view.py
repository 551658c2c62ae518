"""The data that the screens show: the groups of an audit, their processes, and changes. Pure.

Views are created in the watcher's thread and are immutable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from process_hardening.audit.fixes import Caller, fix_of
from process_hardening.audit.groups import Exposure, Group, holds_secrets, measure, open_secrets
from process_hardening.audit.programs import command_of, program_of
from process_hardening.audit.reasons import HARDENED as CLOSED
from process_hardening.audit.reasons import REASONS, UNKNOWN
from process_hardening.audit.render.screen import describe_secrets, label_of
from process_hardening.state import EXPOSED, HARDENED, PARTIAL
from process_hardening.terminal import printable

TYPE_CHECKING = False  # the rules are loaded by the first update, after the first paint
if TYPE_CHECKING:
    from process_hardening.audit.entries import Entry
    from process_hardening.audit.posture import Posture
    from process_hardening.audit.result import Audit, Diagnosis

APPEARED = "appeared"
LOST = "lost hardening"
GAINED = "gained hardening"
ENDED = "ended"

CHANGES = (LOST, GAINED, APPEARED, ENDED)
"""The changes, most important first."""

FRESH_SECONDS = 10.0
"""How long a change is marked in the table; at least until the next update."""

ENDED_SECONDS = 60.0
"""How long an ended process can still be shown."""

_MOST_ENDED = 500
_MOST_PROGRAMS = 2000
_MOST_LOOKS = 2000

_PROTECTION: dict[str, int] = {EXPOSED: 0, PARTIAL: 1, HARDENED: 2}
_ORDER = {reason: position for position, reason in enumerate(REASONS)}

Key = tuple[str, str, str, str, bool | None]
"""User, program, reason, the script that the program runs, and whether the secrets have names."""


@dataclass(frozen=True)
class Mark:
    """A change in a process, and when it was noticed."""

    change: str
    at: float

    def is_fresh(self, now: float) -> bool:
        """Return whether the table still marks this change."""
        return self.at == now or now - self.at < FRESH_SECONDS


@dataclass(frozen=True)
class Process:
    """One process.

    line -- its command line; searchable -- the text that the filter searches
    mark -- its last change; None: it has not changed since the first update
    """

    entry: Entry
    name: str
    line: str
    searchable: str
    mark: Mark | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.entry.posture.pid

    @property
    def has_ended(self) -> bool:
        """Whether it has ended."""
        return self.mark is not None and self.mark.change == ENDED


@dataclass(frozen=True)
class Before:
    """The worst group of a program before a change. at -- when the change was noticed."""

    group: Group
    at: float

    def is_worse_than(self, group: Group) -> bool:
        """Return whether the program is better protected in its new group."""
        return _ORDER[self.group.reason] < _ORDER[group.reason]


@dataclass(frozen=True)
class Program:
    """A user's program: its worst group when it was last seen, and the worst group before that."""

    group: Group
    before: Before | None = None

    @property
    def is_news(self) -> bool:
        """Return whether the program became hardened, or is no longer hardened."""
        return self.before is not None and CLOSED in (self.group.reason, self.before.group.reason)


@dataclass(frozen=True)
class GroupView:
    """A group of the audit with its processes, including those that have just ended.

    label -- the program, and how many processes run it; what -- its secrets, or what is wrong
    before -- the previous state of its program; for_root -- whether root runs the monitor
    becomes -- as in result.Audit
    """

    key: Key
    group: Group
    members: tuple[Process, ...]
    label: str
    what: str
    searchable: str
    before: Before | None = None
    for_root: bool = False
    becomes: str = "sudo"

    @property
    def has_ended(self) -> bool:
        """Whether all its processes have ended."""
        return not self.group.pids

    @property
    def changed_at(self) -> float:
        """When it last changed; 0 for never."""
        times = [member.mark.at for member in self.members if member.mark]
        return max([*times, self.before.at if self.before else 0.0])

    def mark_at(self, now: float) -> Mark | None:
        """Return the most important recent change."""
        marks = [member.mark for member in self.members if member.mark]
        if self.before:
            is_better = self.before.is_worse_than(self.group)
            marks.append(Mark(GAINED if is_better else LOST, self.before.at))
        fresh = [mark for mark in marks if mark.is_fresh(now)]
        return min(fresh, key=lambda mark: CHANGES.index(mark.change), default=None)


@dataclass(frozen=True)
class Row:
    """One line of the table: a group, or one of its processes.

    member -- the process; None: the line shows the group
    is_open -- whether the group's processes are shown below it
    """

    of: GroupView
    member: Process | None = None
    is_open: bool = False

    @property
    def key(self) -> tuple[Key, int | None]:
        """Its unique key."""
        return self.of.key, self.member.pid if self.member else None

    @property
    def label(self) -> str:
        """Its display name."""
        return f"{self.member.pid} {self.member.name}" if self.member else self.of.label

    @property
    def has_ended(self) -> bool:
        """Whether it has ended."""
        return self.member.has_ended if self.member else self.of.has_ended

    @property
    def process(self) -> Process:
        """The process, or the first one of the group."""
        return self.member or self.of.members[0]

    @property
    def fix(self) -> tuple[str, str]:
        """What to do about it, and the command with the arguments of this process."""
        group = self.of.group
        if self.member is None:
            number = len(group.commands)
            more = f" This is 1 of {number} command lines: open the group." if number > 1 else ""
            return group.fix + more, group.command
        of = self.of
        caller = Caller(name_command=command_of, is_root=of.for_root, becomes=of.becomes)
        return fix_of(self.member.entry, group.reason, group.secrets, caller)


@dataclass(frozen=True)
class View:
    """One snapshot of the machine.

    at -- when it was taken; audit -- None if nothing could be read; problem -- the reason for that
    groups -- in the order of the audit; groups that have just ended come last
    programs -- every program that has been seen, by user and name
    exposed -- the time of each update so far, and how many secrets were open at that time
    facts -- the numbers of readable and hardened processes
    ended -- how many processes have just ended
    """

    at: float
    audit: Audit | None = None
    groups: tuple[GroupView, ...] = ()
    problem: str = ""
    programs: Mapping[tuple[str, str], Program] = field(default_factory=dict)
    exposed: tuple[tuple[float, int], ...] = ()
    facts: Exposure = field(default_factory=Exposure)
    ended: int = 0

    @property
    def news(self) -> tuple[Program, ...]:
        """Return the programs that became hardened, or stopped being hardened, in this update."""
        found = self.programs.values()
        return tuple(p for p in found if p.before and p.before.at == self.at and p.is_news)


@dataclass(frozen=True)
class HostView:
    """One snapshot of the host: the results of doctor, or why there are none."""

    diagnosis: Diagnosis | None = None
    problem: str = ""


def view_of(audit: Audit, at: float, before: View | None) -> View:
    """Return the view of an audit: every group, with the changes since the previous view."""
    last = _list_members(before)
    programs = _follow_programs(before.programs if before else {}, audit.groups, at)
    present: dict[int, Process] = {}
    for entry in audit.entries:
        if entry.posture.has_memory:
            known = last.get(entry.posture.pid)
            mark = _mark_of(known, entry, at) if before and before.audit else None
            present[entry.posture.pid] = make_process(entry, mark)
    ended = _list_ended(before, present, at)
    number_ended = sum(len(members) for _, members in ended.values())
    groups = [
        *(_show_group(group, present, ended, programs) for group in audit.groups),
        *(_show_ended(group, members) for group, members in ended.values()),
    ]
    is_root = audit.asked_by == 0
    opened = {(g.user, g.program, name) for g in audit.groups for name, _ in open_secrets(g)}
    looks = ((before.exposed if before else ()) + ((at, len(opened)),))[-_MOST_LOOKS:]
    return View(
        at=at,
        audit=audit,
        groups=tuple(replace(g, for_root=is_root, becomes=audit.becomes) for g in groups),
        programs=programs,
        exposed=looks,
        facts=measure(audit.groups),
        ended=number_ended,
    )


def _list_members(view: View | None) -> dict[int, Process]:
    if view is None:
        return {}
    return {member.pid: member for group in view.groups for member in group.members}


def make_process(entry: Entry, mark: Mark | None = None) -> Process:
    """Return an entry of the audit as the screens show it."""
    posture = entry.posture
    name = "(hidden)" if posture.is_name_hidden else printable(posture.name) or "?"
    line = printable(" ".join(posture.arguments)) or name
    ids = " ".join(finding.id for finding in entry.findings)
    words = (posture.pid, name, line, entry.user, posture.verdict, ids, posture.exe or "")
    return Process(entry, name, line, printable(" ".join(map(str, words))).casefold(), mark)


def _mark_of(last: Process | None, now: Entry, at: float) -> Mark | None:
    """Return the change of a process since the previous update, or else the mark that it had."""
    if last is None or last.has_ended or _is_another(last.entry.posture, now.posture):
        return Mark(APPEARED, at)
    was = _PROTECTION.get(last.entry.posture.verdict)
    is_now = _PROTECTION.get(now.posture.verdict)
    if was is None or is_now is None or was == is_now:
        return last.mark
    return Mark(LOST if is_now < was else GAINED, at)


def _is_another(last: Posture, now: Posture) -> bool:
    """Return whether a posture with the same pid is that of another process.

    A new inode alone does not tell, see procfiles.list_pids(): the parent or command differs too.
    """
    if None in (last.inode, now.inode) or last.inode == now.inode:
        return False
    return (last.ppid, last.command) != (now.ppid, now.command)


_Ended = dict[Key, tuple[Group, list[Process]]]


def _list_ended(view: View | None, present: Mapping[int, Process], at: float) -> _Ended:
    """Return the processes that ended recently, by their last group."""
    found: _Ended = {}
    number = 0
    for shown in view.groups if view else ():
        for member in shown.members:
            mark = member.mark if member.has_ended else Mark(ENDED, at)
            is_recent = mark is not None and at - mark.at < ENDED_SECONDS
            if member.pid in present or not is_recent or number >= _MOST_ENDED:
                continue
            number += 1
            process = Process(member.entry, member.name, member.line, member.searchable, mark)
            found.setdefault(shown.key, (shown.group, []))[1].append(process)
    return found


def _follow_programs(
    known: Mapping[tuple[str, str], Program], groups: Iterable[Group], at: float
) -> Mapping[tuple[str, str], Program]:
    """Return every program with its worst group now, and its previous one if the reason changed.

    Programs that have ended are remembered, so that they can be compared when they start again.
    """
    followed = dict(known)
    worst: dict[tuple[str, str], Group] = {}
    for group in groups:  # worst first
        if group.reason != UNKNOWN:
            worst.setdefault((group.user, group.program), group)
    for key, group in worst.items():
        last = followed.pop(key, None)
        before = last.before if last else None
        if last and last.group.reason != group.reason:
            before = Before(last.group, at)
        followed[key] = Program(group, before)  # at the end, so that the oldest come first
    for key in list(followed)[: max(len(followed) - _MOST_PROGRAMS, 0)]:
        del followed[key]
    return followed


def _show_group(
    group: Group,
    present: Mapping[int, Process],
    ended: _Ended,
    programs: Mapping[tuple[str, str], Program],
) -> GroupView:
    members = [present[pid] for pid in group.pids]
    key = _key_of(group, members[0])
    _, gone = ended.pop(key, (group, []))
    program = programs.get((group.user, group.program))
    before = program.before if program and program.group is group else None
    return _make_view(key, group, [*members, *gone], before)


def _show_ended(group: Group, members: list[Process]) -> GroupView:
    key = _key_of(group, members[0])
    return _make_view(key, group.replace(pids=()), members, None)


def _key_of(group: Group, member: Process) -> Key:
    """Return the unique key of a group, by the criteria of make_groups()."""
    posture = member.entry.posture
    script = program_of(posture).script
    return group.user, group.program, group.reason, script, holds_secrets(posture)


def _make_view(key: Key, group: Group, members: list[Process], before: Before | None) -> GroupView:
    what = describe_secrets(group)
    words = (group.program, group.user, group.reason, what, REASONS[group.reason], group.finding)
    return GroupView(
        key=key,
        group=group,
        members=tuple(members),
        label=label_of(group),
        what=what,
        searchable=printable(" ".join(words)).casefold(),
        before=before,
    )
