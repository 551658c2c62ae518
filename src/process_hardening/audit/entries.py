"""The processes of an audit, each with its findings. Pure."""

from __future__ import annotations

from process_hardening.audit.core_dumps import Crash, crash_of, describe_crash
from process_hardening.audit.host import Host
from process_hardening.audit.posture import Posture, describe_attacker
from process_hardening.audit.rules import judge_process
from process_hardening.audit.rules.model import Finding, ProcessCase
from process_hardening.audit.tree import find_hardened_ancestors
from process_hardening.record import Record

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Entry(Record):
    """One process of an audit.

    posture -- what was observed; user -- the name of its user, or the uid as text
    crash -- where a crash would put its memory; findings -- worst first
    ancestor -- its nearest hardened ancestor, if it has one
    depth -- how many of its ancestors are in the audit
    """

    posture: Posture
    user: str
    crash: Crash
    findings: tuple[Finding, ...]
    ancestor: Posture | None = None
    depth: int = 0

    @property
    def outcome(self) -> str:
        """What an attacker of the same user gets, and where a crash puts the memory."""
        if not self.posture.has_memory:
            return f"a {self.posture.kind} has no memory to read"
        return f"{describe_attacker(self.posture)}; {describe_crash(self.crash)}"

    def fingerprint(self, finding: Finding) -> str:
        """Return a text that identifies a finding in later audits: no pid, no changing number."""
        subject = ",".join(finding.subject)
        return f"{finding.id}:{self.posture.uid}:{self.posture.name}:{subject}"


def make_entries(
    postures: Iterable[Posture], host: Host, user_of: Callable[[int], str], *, as_root: bool = False
) -> tuple[Entry, ...]:
    """Judge every process, taking its ancestors into account.

    user_of -- a function that takes a uid and returns the name of the user
    as_root -- whether root requested the audit
    """
    postures = list(postures)
    ancestors = find_hardened_ancestors(postures)
    names: dict[int | None, str] = {None: "?"}
    entries = []
    for posture in postures:
        if posture.uid is not None and posture.uid not in names:
            names[posture.uid] = user_of(posture.uid)
        crash = crash_of(posture, host.core)
        ancestor = ancestors.get(posture.pid)
        case = ProcessCase(posture=posture, crash=crash, ancestor=ancestor, for_root=as_root)
        entries.append(
            Entry(
                posture=posture,
                user=names[posture.uid],
                crash=crash,
                findings=judge_process(case),
                ancestor=ancestor,
            )
        )
    return tuple(entries)
