"""The audit of a machine: postures, what they come to, and which of them are asked for. Pure."""

from __future__ import annotations

from collections import Counter

from process_hardening.audit.rules.findings import Finding, findings_of, worst
from process_hardening.audit.posture import Crash, crash_of, sentence
from process_hardening.audit.rules.registry import SEVERITIES, rank
from process_hardening.audit.tree import in_order, lost_workers

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from process_hardening.audit.host import Host
    from process_hardening.audit.reader import Posture
    from process_hardening.audit.scan import Snapshot


class Entry:
    """One process of an audit.

    posture -- what the kernel says; user -- the name of its user, or the uid as text
    crash, outcome -- what it comes to; findings -- the worst first
    depth -- how many of its ancestors are in the audit
    """

    __slots__ = ("crash", "depth", "findings", "outcome", "posture", "user")

    def __init__(self, posture: Posture, user: str, crash: Crash, findings: list[Finding]) -> None:
        self.posture = posture
        self.user = user
        self.crash = crash
        self.outcome = sentence(posture, crash)
        self.findings = findings
        self.depth = 0

    def fingerprint(self, finding: Finding) -> str:
        """What stays the same when the finding comes up again: no pid, no number that changes."""
        subject = ",".join(finding.subject)
        return f"{finding.id}:{self.posture.uid}:{self.posture.name}:{subject}"


class Audit:
    """The processes that were asked for, and the host they run on.

    entries -- in ascending order of their pids, or as a tree
    notes -- what the reader has to know of what could not be seen; each makes it incomplete
    gone -- pids that were asked for and had ended
    """

    __slots__ = ("entries", "gone", "host", "notes", "seconds")

    def __init__(self, host: Host, entries: list[Entry], seconds: float = 0.0) -> None:
        self.host = host
        self.entries = entries
        self.notes: list[str] = []
        self.gone: tuple[int, ...] = ()
        self.seconds = seconds

    @property
    def is_complete(self) -> bool:
        """Whether everything that was asked for could be told."""
        return not self.notes

    def findings(self) -> list[tuple[Entry, Finding]]:
        """All findings with their processes, the worst first."""
        pairs = [(entry, finding) for entry in self.entries for finding in entry.findings]
        pairs.sort(key=lambda pair: (-rank(pair[1].severity), pair[1].id, pair[0].posture.pid))
        return pairs

    def verdicts(self) -> Counter[str]:
        """How many processes there are of each verdict; what has no memory does not count."""
        return Counter(e.posture.verdict for e in self.entries if e.posture.has_memory)

    def severities(self) -> dict[str, int]:
        """How many findings there are of each severity."""
        counts = Counter(finding.severity for _, finding in self.findings())
        return {severity: counts[severity] for severity in SEVERITIES}

    def worst(self) -> str | None:
        """The highest severity among the findings."""
        return worst(finding for _, finding in self.findings())


def make_entries(
    postures: Iterable[Posture], host: Host, user_of: Callable[[int], str]
) -> list[Entry]:
    """Judge every process, by itself and by its ancestors.

    user_of -- uid to the name of the user
    """
    postures = list(postures)
    lost = lost_workers(postures)
    names: dict[int | None, str] = {None: "?"}
    entries = []
    for posture in postures:
        crash = crash_of(posture, host.core)
        findings = findings_of(posture, crash)
        if posture.pid in lost:
            findings.insert(0, lost[posture.pid])
        if posture.uid is not None and posture.uid not in names:
            names[posture.uid] = user_of(posture.uid)
        entries.append(Entry(posture, names[posture.uid], crash, findings))
    return entries


def as_tree(entries: Iterable[Entry]) -> list[Entry]:
    """The entries in the order of a tree, with their depth."""
    by_pid = {entry.posture.pid: entry for entry in entries}
    ordered = []
    for depth, posture in in_order(entry.posture for entry in by_pid.values()):
        entry = by_pid[posture.pid]
        entry.depth = depth
        ordered.append(entry)
    return ordered


def descendants_of(entries: Iterable[Entry], pids: Collection[int]) -> list[Entry]:
    """The entries with these pids and all below them."""
    entries = list(entries)
    wanted = set(pids)
    for _, posture in in_order(entry.posture for entry in entries):
        if posture.ppid in wanted:
            wanted.add(posture.pid)
    return [entry for entry in entries if entry.posture.pid in wanted]


def drop_known(entries: Iterable[Entry], known: Collection[str]) -> list[Entry]:
    """Keep the findings that are not known, by their fingerprints, and the processes with any."""
    kept = []
    for entry in entries:
        entry.findings = [f for f in entry.findings if entry.fingerprint(f) not in known]
        if entry.findings:
            kept.append(entry)
    return kept


def known_from(document: object) -> set[str]:
    """The fingerprints in the JSON of an earlier audit. Raises ValueError when it is none."""
    try:
        if document["schema"] != 1:  # type: ignore[index]  # whatever it is, it is checked here
            raise ValueError("not of schema 1")
        return {
            str(finding["fingerprint"])
            for process in document["processes"]  # type: ignore[index]
            for finding in process["findings"]
        }
    except (KeyError, TypeError, IndexError):
        raise ValueError("not the JSON of an audit") from None


def notes_of(snapshot: Snapshot, host: Host, all_users: bool, as_root: bool) -> list[str]:
    """What could not be seen, in sentences.

    all_users -- whether processes of all users were asked for; as_root -- whether root asks
    """
    notes = []
    for posture in snapshot.processes:
        if posture.problem:
            notes.append(f"process {posture.pid}: {posture.problem}")
    if host.hidepid and all_users and not as_root:
        notes.append(
            f"/proc is mounted with hidepid={host.hidepid}: processes that we may not trace are"
            " hidden, hardened ones of our own too; audit as root"
        )
    unknown = [
        p.pid
        for p in snapshot.processes
        if p.has_memory and p.inspectable is None and not p.problem
    ]
    if unknown:
        pids = ", ".join(map(str, unknown[:5])) + (" and more" if len(unknown) > 5 else "")
        notes.append(f"this kernel does not tell whether {pids} may be inspected; audit as root")
    return notes


def count_by(entries: Iterable[Entry], key: Callable[[Entry], str]) -> Mapping[str, int]:
    """How many entries there are of each key."""
    return Counter(map(key, entries))
