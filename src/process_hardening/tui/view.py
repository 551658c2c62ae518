"""What the screens show: the groups of an audit with their processes, and what changed. Pure.

Views are made in the watcher's thread and never changed afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from process_hardening.audit.fixes import fix_of
from process_hardening.audit.groups import Exposure, Group, measure, open_secrets
from process_hardening.audit.programs import command_of, program_of
from process_hardening.audit.reasons import HARDENED as CLOSED
from process_hardening.audit.reasons import REASONS, UNKNOWN
from process_hardening.audit.render.screen import describe_secrets, label_of
from process_hardening.state import EXPOSED, HARDENED, PARTIAL
from process_hardening.terminal import printable

TYPE_CHECKING = False  # the rules are loaded by the first look, after the first paint
if TYPE_CHECKING:
    from process_hardening.audit.result import Audit, Diagnosis, Entry

APPEARED = "appeared"
LOST = "lost hardening"
GAINED = "gained hardening"
ENDED = "ended"

CHANGES = (LOST, GAINED, APPEARED, ENDED)
"""The most important first."""

FRESH_SECONDS = 10.0
"""How long a change is marked in the table; at least until the next look."""

ENDED_SECONDS = 60.0
"""How long a process that has ended can still be shown."""

_MOST_ENDED = 500
_MOST_PROGRAMS = 2000
_MOST_LOOKS = 2000

_PROTECTION: dict[str, int] = {EXPOSED: 0, PARTIAL: 1, HARDENED: 2}
_ORDER = {reason: position for position, reason in enumerate(REASONS)}

Key = tuple[str, str, str, str, bool]
"""User, program, reason, the script behind the program's words, whether secrets have names."""


@dataclass(frozen=True)
class Mark:
    """A change of a process, and when it was seen."""

    change: str
    at: float

    def is_fresh(self, now: float) -> bool:
        """Whether it is still worth a sign."""
        return self.at == now or now - self.at < FRESH_SECONDS


@dataclass(frozen=True)
class Process:
    """One process.

    line -- its command line; searchable -- what the filter looks at
    mark -- what changed of it last; None: nothing since the first look
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
    """The worst group of a program before that changed. at -- when the change was seen."""

    group: Group
    at: float

    def is_worse_than(self, group: Group) -> bool:
        """Whether the program is better protected now."""
        return _ORDER[self.group.reason] < _ORDER[group.reason]


@dataclass(frozen=True)
class Program:
    """A program of a user: its worst group when it was last seen, and the one before that."""

    group: Group
    before: Before | None = None

    @property
    def is_news(self) -> bool:
        """Whether it became hardened or is no longer."""
        return self.before is not None and CLOSED in (self.group.reason, self.before.group.reason)


@dataclass(frozen=True)
class GroupView:
    """A group of the audit with its processes, those that have just ended too.

    label -- the program, and how many run it; what -- its secrets, or what is wrong
    before -- what its program was like before
    """

    key: Key
    group: Group
    members: tuple[Process, ...]
    label: str
    what: str
    searchable: str
    before: Before | None = None

    @property
    def has_ended(self) -> bool:
        """Whether no process of it is left."""
        return not self.group.pids

    @property
    def changed_at(self) -> float:
        """When something of it changed last; 0 for never."""
        times = [member.mark.at for member in self.members if member.mark]
        return max([*times, self.before.at if self.before else 0.0])

    def mark_at(self, now: float) -> Mark | None:
        """The most important change that is still fresh."""
        marks = [member.mark for member in self.members if member.mark]
        if self.before:
            is_better = self.before.is_worse_than(self.group)
            marks.append(Mark(GAINED if is_better else LOST, self.before.at))
        fresh = [mark for mark in marks if mark.is_fresh(now)]
        return min(fresh, key=lambda mark: CHANGES.index(mark.change), default=None)


@dataclass(frozen=True)
class Row:
    """One line of the table: a group, or one process of it.

    member -- None: the group; is_open -- whether its processes are shown below it
    """

    of: GroupView
    member: Process | None = None
    is_open: bool = False

    @property
    def key(self) -> tuple[Key, int | None]:
        """What tells it from all others."""
        return self.of.key, self.member.pid if self.member else None

    @property
    def label(self) -> str:
        """What it is, in words."""
        return f"{self.member.pid} {self.member.name}" if self.member else self.of.label

    @property
    def has_ended(self) -> bool:
        """Whether it has ended."""
        return self.member.has_ended if self.member else self.of.has_ended

    @property
    def process(self) -> Process:
        """The process, or the first of the group."""
        return self.member or self.of.members[0]

    @property
    def fix(self) -> tuple[str, str]:
        """What to do about it, and the command, as this very process was started."""
        group = self.of.group
        if self.member is None:
            return group.fix, group.command
        return fix_of(self.member.entry, group.reason, group.secrets, command_of)


@dataclass(frozen=True)
class View:
    """One look at the machine.

    at -- when; audit -- what was seen, None when nothing could be; problem -- why
    groups -- in the order of the audit; those that have just ended come last
    programs -- every program that was seen, by user and name
    exposed -- when was looked so far, and how many secrets were open then
    facts -- how many processes are readable and hardened; ended -- how many have just ended
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
        """The programs that became hardened, or are no longer, in this look."""
        found = self.programs.values()
        return tuple(p for p in found if p.before and p.before.at == self.at and p.is_news)


@dataclass(frozen=True)
class HostView:
    """One look at the host: what doctor says, or why it says nothing."""

    diagnosis: Diagnosis | None = None
    problem: str = ""


def view_of(audit: Audit, at: float, before: View | None) -> View:
    """The view of an audit: every group, with what changed since the view before."""
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
    groups = [_show_group(group, present, ended, programs) for group in audit.groups]
    groups += [_show_ended(group, members) for group, members in ended.values()]
    opened = {(g.user, g.program, name) for g in audit.groups for name, _ in open_secrets(g)}
    looks = ((before.exposed if before else ()) + ((at, len(opened)),))[-_MOST_LOOKS:]
    return View(
        at=at,
        audit=audit,
        groups=tuple(groups),
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
    """A process as it is shown."""
    posture = entry.posture
    name = "(hidden)" if posture.is_name_hidden else printable(posture.name) or "?"
    line = printable(" ".join(posture.arguments)) or name
    ids = " ".join(finding.id for finding in entry.findings)
    words = (posture.pid, name, line, entry.user, posture.verdict, ids, posture.exe or "")
    return Process(entry, name, line, printable(" ".join(map(str, words))).casefold(), mark)


def _mark_of(last: Process | None, now: Entry, at: float) -> Mark | None:
    """What became of a process since the look before, or what was marked then."""
    if last is None or last.has_ended:
        return Mark(APPEARED, at)
    was = _PROTECTION.get(last.entry.posture.verdict)
    is_now = _PROTECTION.get(now.posture.verdict)
    if was is None or is_now is None or was == is_now:
        return last.mark
    return Mark(LOST if is_now < was else GAINED, at)


_Ended = dict[Key, tuple[Group, list[Process]]]


def _list_ended(view: View | None, present: Mapping[int, Process], at: float) -> _Ended:
    """Those that ended lately, by the group that they were in."""
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
    """Every program with its worst group now, and the one before where the reason changed.

    A program that has ended is remembered: one that is started again is compared with it.
    """
    followed = dict(known)
    worst: dict[tuple[str, str], Group] = {}
    for group in groups:  # the worst come first
        if group.reason != UNKNOWN:
            worst.setdefault((group.user, group.program), group)
    for key, group in worst.items():
        last = followed.pop(key, None)
        before = last.before if last else None
        if last and last.group.reason != group.reason:
            before = Before(last.group, at)
        followed[key] = Program(group, before)  # at the end: the oldest come first
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
    """What tells a group from all others; as make_groups() tells them apart."""
    posture = member.entry.posture
    has_names = bool(posture.secret_variables or posture.secret_arguments)
    return group.user, group.program, group.reason, program_of(posture).script, has_names


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
