"""The results of audit and doctor. Pure."""

from __future__ import annotations

from collections import Counter
from functools import cached_property

from process_hardening.audit.entries import Entry
from process_hardening.audit.groups import make_groups
from process_hardening.audit.host import Host
from process_hardening.audit.programs import short_command_of
from process_hardening.audit.rules.model import (
    SEVERITIES,
    Check,
    Finding,
    rank,
    worst_of,
)
from process_hardening.audit.unknown import find_gaps
from process_hardening.record import Record

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterable

    from process_hardening.audit.groups import Group
    from process_hardening.audit.posture import Posture


KNOWN_LEFT_OUT = "--baseline"
"""In the scope of an audit: known findings are left out, and processes that have no others."""


class Audit(Record):
    """The selected processes, and the host that they run on.

    entries -- in ascending order of their pids, or as a tree
    notes -- what could not be read, one sentence each; any note makes the audit incomplete
    gone -- requested pids that had ended
    seconds -- how long reading took; taken -- when, in seconds since the epoch
    scope -- the options that narrowed the audit; asked_by -- the uid of the caller
    is_empty -- whether no process meets the conditions
    known -- the chosen entries with their known findings, if known findings are left out
    known_since -- the time of the audit that knows them; '' for none
    becomes -- the program with which root becomes another user: 'sudo' or 'runuser'; '' for none
    """

    host: Host
    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()
    gone: tuple[int, ...] = ()
    seconds: float = 0.0
    taken: float = 0.0
    scope: tuple[str, ...] = ()
    asked_by: int = 0
    is_empty: bool = False
    known: tuple[Entry, ...] = ()
    known_since: str = ""
    becomes: str = "sudo"

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The processes in groups: who can read which secrets, and which command prevents it."""
        return make_groups(self.entries, as_root=self.asked_by == 0, becomes=self.becomes)

    @cached_property
    def stored_groups(self) -> tuple[Group, ...]:
        """The groups for output that is stored or sent: commands without programs' arguments."""
        return make_groups(
            self.entries, short_command_of, as_root=self.asked_by == 0, becomes=self.becomes
        )

    @property
    def is_narrowed(self) -> bool:
        """Whether options left processes or kinds of findings out, other than known ones."""
        return any(word != KNOWN_LEFT_OUT for word in self.scope)

    @property
    def is_complete(self) -> bool:
        """Whether everything that was requested could be read."""
        return not self.notes

    def findings(self) -> list[tuple[Entry, Finding]]:
        """All findings with their processes, worst first."""
        pairs = [(entry, finding) for entry in self.entries for finding in entry.findings]
        pairs.sort(key=lambda pair: (-rank(pair[1].severity), pair[1].id, pair[0].posture.pid))
        return pairs

    def count_verdicts(self) -> Counter[str]:
        """Return the number of processes with memory, by verdict."""
        return Counter(e.posture.verdict for e in self.entries if e.posture.has_memory)

    def count_severities(self) -> dict[str, int]:
        """Return the number of findings, by severity."""
        counts = Counter(finding.severity for entry in self.entries for finding in entry.findings)
        return {severity: counts[severity] for severity in SEVERITIES}

    def worst(self) -> str | None:
        """Return the highest severity among the findings."""
        return worst_of(finding for entry in self.entries for finding in entry.findings)


class Diagnosis(Record):
    """The results of doctor: one check per question."""

    host: Host
    checks: tuple[Check, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all checks, in order."""
        return tuple(finding for check in self.checks for finding in check.findings)

    @property
    def is_complete(self) -> bool:
        """Whether every question could be answered."""
        return all(check.answer.is_known for check in self.checks)


def list_notes(
    postures: Iterable[Posture], host: Host, all_users: bool, as_root: bool
) -> tuple[str, ...]:
    """Return a sentence for each thing that could not be read.

    all_users -- whether processes of all users were requested
    as_root -- whether root requested the audit
    """
    postures = list(postures)
    notes = []
    if host.hidepid and all_users and not as_root:
        notes.append(
            f"/proc is mounted with hidepid={host.hidepid}, which hides processes that this user"
            " cannot trace, even its own hardened ones; run the audit as root"
        )
    gaps: dict[str, list[int]] = {}
    for posture in postures:
        words = "; ".join(gap.words for gap in find_gaps(posture))
        if words:
            words = words if posture.problem else f"not known: {words}"
            gaps.setdefault(words, []).append(posture.pid)
    for words, found in gaps.items():
        noun = "processes" if len(found) > 1 else "process"
        notes.append(f"{noun} {_list_pids(found)}: {words}")
    return tuple(notes)


def _list_pids(pids: list[int]) -> str:
    return ", ".join(map(str, pids[:5])) + (" and more" if len(pids) > 5 else "")
