"""Reads audits that were saved as JSON, and compares them. Pure."""

from __future__ import annotations

import os
import re
from collections import Counter

from process_hardening.audit.groups import Exposure, Group, measure, open_secrets
from process_hardening.audit.posture import LAST_UID
from process_hardening.audit.reasons import PLACES, READERS, REASONS, Secret
from process_hardening.audit.render.json import SCHEMA
from process_hardening.audit.rules.model import SEVERITIES
from process_hardening.document import Value
from process_hardening.record import Record

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Opened = dict[tuple[str, str, str], tuple[str, ...]]


NOT_AN_AUDIT = "not the JSON of an audit; `process-hardening audit --json > FILE` makes one"
_AGAIN = "run the audit again with this version"

_LAST_PID = 2**22  # PID_MAX_LIMIT in include/linux/threads.h
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


class Saved(Record):
    """An audit as stored in JSON.

    host -- the name of the host
    machine -- an id of the machine; '' if it has none
    kernel -- its kernel release; taken -- the time of the audit in UTC, in ISO 8601 format
    scope -- the options that narrowed the audit; asked_by -- the uid of the user who ran it
    verdicts -- the number of processes with each verdict; notes -- what could not be read
    is_fact -- whether it is in the Ansible local fact of examples/ansible
    source -- the file that contains it; '' for none
    """

    host: str
    machine: str
    kernel: str
    taken: str
    scope: tuple[str, ...]
    asked_by: int
    groups: tuple[Group, ...]
    verdicts: Mapping[str, int]
    notes: tuple[str, ...] = ()
    is_fact: bool = False
    source: str = ""

    @property
    def label(self) -> str:
        """What people call the host: the name in Ansible's inventory, or that of the host."""
        stem = os.path.splitext(os.path.basename(self.source))[0]
        return stem if self.is_fact and stem else self.host

    @property
    def is_narrowed(self) -> bool:
        """Whether options left some processes out."""
        return bool(self.scope)

    @property
    def is_of_all_users(self) -> bool:
        """Whether it could see the secrets of all users."""
        return self.asked_by == 0

    def describe_coverage(self) -> str:
        """Return which processes it covers, in words."""
        what = f"only {' '.join(self.scope)}" if self.scope else "all processes"
        return what if self.is_of_all_users else f"{what}; secrets of uid {self.asked_by} only"


def read_saved(document: object) -> Saved:
    """Return the audit in a JSON document. Raises ValueError, with the reason, if that fails.

    The document may also be the Ansible local fact of examples/ansible, which contains an audit.
    """
    is_fact = isinstance(document, dict) and isinstance(document.get("audit"), dict)
    if is_fact:
        document = document["audit"]  # type: ignore[index]  # it is a dict
    found = _open(document)
    try:
        host = found["host"]
        return Saved(
            host=host["name"].text(),
            machine="" if host["machine"].is_null else host["machine"].text(),
            kernel=host["kernel"].text(),
            taken=_read_time(found["taken"]),
            scope=found["scope"].texts(),
            asked_by=found["asked_by"].number(LAST_UID),
            groups=tuple(map(_read_group, found["groups"].items())),
            verdicts={k: v.number() for k, v in found["summary"]["verdicts"].entries().items()},
            notes=found["notes"].texts(),
            is_fact=is_fact,
        )
    except ValueError as error:
        raise _damaged(error) from None


def _open(document: object) -> Value:
    """Return a document that claims to be an audit. Raises ValueError for others."""
    if not isinstance(document, dict) or not isinstance(document.get("processes"), list):
        raise ValueError(NOT_AN_AUDIT)
    found = Value(document)
    try:
        is_this_version = found["schema"].number() == SCHEMA
    except ValueError:
        is_this_version = False
    if not is_this_version:
        raise ValueError(f"not schema {SCHEMA}: made by another version: {_AGAIN}")
    return found


def _damaged(error: ValueError) -> ValueError:
    return ValueError(f"damaged, or made by another version ({error}): {_AGAIN}")


def _read_time(value: Value) -> str:
    text = value.text()
    if not _TIME.fullmatch(text):
        raise ValueError("taken is not a time such as 2026-01-31T12:00:00Z")
    return text


def _read_group(found: Value) -> Group:
    return Group(
        user=found["user"].text(),
        uid=None if found["uid"].is_null else found["uid"].number(LAST_UID),
        program=found["program"].text(),
        names=found["names"].texts(),
        reason=found["reason"].choice(REASONS),
        severity=None if found["severity"].is_null else found["severity"].choice(SEVERITIES),
        secrets=tuple(
            Secret(name=secret["name"].text(), where=secret["where"].choice(PLACES))
            for secret in found["secrets"].items()
        ),
        open_to=tuple(reader.choice(READERS) for reader in found["open_to"].items()),
        pids=tuple(pid.number(_LAST_PID) for pid in found["pids"].items()),
        finding=found["finding"].text(),
        fix=found["fix"].text(),
        commands=found["commands"].texts(),
        is_environment_known=found["environment_known"].flag(),
    )


def read_known(document: object) -> tuple[frozenset[str], str]:
    """Return the fingerprints in the JSON of an audit, and when it was made; '' if it does not say.

    Raises ValueError for other documents.
    """
    found = _open(document)
    try:
        fingerprints = frozenset(
            finding["fingerprint"].text()
            for process in found["processes"].items()
            for finding in process["findings"].items()
        )
        return fingerprints, _read_time(found["taken"]) if "taken" in found else ""
    except ValueError as error:
        raise _damaged(error) from None


class Change(Record):
    """A secret that became readable or protected between two audits.

    secret -- the name of the secret; if no secret was found, what is wrong
    open_to -- the readers that gained or lost access, as keys of READERS; () if no secret was found
    is_gone -- whether the program no longer runs, which also protects the secret
    """

    user: str
    program: str
    secret: str
    open_to: tuple[str, ...]
    is_gone: bool = False


class Comparison(Record):
    """What changed between two audits.

    taken -- when the first audit was made; better, worse -- the changes
    before, after -- the exposure of the whole host at each audit
    """

    taken: str
    better: tuple[Change, ...]
    worse: tuple[Change, ...]
    before: Exposure
    after: Exposure


def check_comparable(before: Saved, after: Saved) -> None:
    """Raise ValueError, with the reason, if two audits do not cover the same processes."""
    if before.host != after.host:
        raise ValueError(f"from host {before.host!r}, but this is {after.host!r}")
    if before.machine and after.machine and before.machine != after.machine:
        raise ValueError(f"from another machine that is also named {after.host!r}")
    if before.asked_by != after.asked_by:
        raise ValueError(f"made by uid {before.asked_by}, which sees different data from this user")
    if before.scope != after.scope:
        was, is_now = (" ".join(one.scope) or "no options" for one in (before, after))
        raise ValueError(f"made with {was}, but this audit has {is_now}: choose the same processes")


def compare(before: Saved, after: Saved) -> Comparison:
    """Return what got better and worse between an audit and a later one of the same processes."""
    was, is_now = _list_open(before.groups), _list_open(after.groups)
    running = {(group.user, group.program) for group in after.groups}
    return Comparison(
        taken=before.taken,
        better=_list_changes(was, is_now, running),
        worse=_list_changes(is_now, was, running),
        before=measure(before.groups),
        after=measure(after.groups),
    )


def _list_open(groups: Iterable[Group]) -> Opened:
    """Map each user, program and secret to the readers that can get the secret."""
    found: dict[tuple[str, str, str], dict[str, None]] = {}
    for group in groups:
        for secret, reader in open_secrets(group):
            found.setdefault((group.user, group.program, secret), {})[reader] = None
        if group.is_leak and not group.secrets:
            found[group.user, group.program, REASONS[group.reason]] = {}
    return {key: tuple(readers) for key, readers in found.items()}


def _list_changes(
    first: Opened, second: Opened, running: set[tuple[str, str]]
) -> tuple[Change, ...]:
    """Return the secrets that are open to a reader in the first audit but not in the second."""
    changes = []
    for key, readers in sorted(first.items()):
        left = tuple(reader for reader in readers if reader not in second.get(key, ()))
        if left or key not in second:
            user, program, secret = key
            is_gone = (user, program) not in running
            changes.append(
                Change(user=user, program=program, secret=secret, open_to=left, is_gone=is_gone)
            )
    return tuple(changes)


class History(Record):
    """The audits of one host that cover the most: the newest, and what changed since the first.

    name -- what people call the host, with a file if several machines have that name
    comparison -- None if there is only one audit, or if all are of one time
    left_out -- audits that cover less: of fewer processes, or by a user who sees fewer secrets
    is_identified -- whether it is certain that all audits are of one machine
    """

    name: str
    newest: Saved
    comparison: Comparison | None
    left_out: tuple[Saved, ...]
    is_identified: bool


def merge(audits: Iterable[Saved]) -> tuple[History, ...]:
    """Return the history of each host, sorted by name. Machines with the same name are separate."""
    hosts: dict[tuple[str, str], list[Saved]] = {}
    for audit in sorted(audits, key=lambda audit: audit.taken):
        hosts.setdefault((audit.label, audit.machine), []).append(audit)
    labels = Counter(label for label, _ in hosts)
    return tuple(
        _make_history(found, is_unique=labels[label] == 1)
        for (label, _), found in sorted(hosts.items())
    )


def _make_history(audits: list[Saved], *, is_unique: bool) -> History:
    """Return the history of one host, whose audits are in order of time."""
    newest = max(audits, key=lambda one: (not one.is_narrowed, one.is_of_all_users, one.taken))
    alike = [a for a in audits if (a.scope, a.asked_by) == (newest.scope, newest.asked_by)]
    first = alike[0]
    return History(
        name=newest.label
        if is_unique
        else f"{newest.label} ({newest.source or newest.machine or '?'})",
        newest=newest,
        comparison=compare(first, newest) if first.taken != newest.taken else None,
        left_out=tuple(audit for audit in audits if audit not in alike),
        is_identified=all(audit.machine for audit in audits) or len(audits) == 1,
    )
