"""Reads audits that were saved as JSON, and compares them. Pure."""

from __future__ import annotations

from process_hardening.audit.groups import Exposure, Group, measure, open_secrets
from process_hardening.audit.reasons import READERS, REASONS, Secret
from process_hardening.audit.rules.model import SEVERITIES
from process_hardening.record import Record

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    Opened = dict[tuple[str, str, str], tuple[str, ...]]


class Saved(Record):
    """An audit as stored in JSON.

    host -- the name of the host; kernel -- its release; taken -- when, as ISO 8601 in UTC
    scope -- the options that narrowed it; asked_by -- the uid of the caller
    verdicts -- the number of processes with each; is_complete -- whether everything could be read
    """

    host: str
    kernel: str
    taken: str
    scope: tuple[str, ...]
    asked_by: int
    groups: tuple[Group, ...]
    verdicts: Mapping[str, int]
    notes: tuple[str, ...] = ()


def read_saved(document: object) -> Saved:
    """Return the audit in a JSON document. Raises ValueError, with the reason, if there is none.

    The document may also be the local fact of examples/ansible, which contains an audit.
    """
    if isinstance(document, dict) and isinstance(document.get("audit"), dict):
        document = document["audit"]
    if not isinstance(document, dict) or "processes" not in document:
        raise ValueError("not the JSON of an audit")
    if document.get("schema") != 1:
        raise ValueError("not schema 1: made by another version")
    if "groups" not in document:
        raise ValueError("made by an older version, which has no groups: run the audit again")
    try:
        return Saved(
            host=str(document["host"]["name"]),
            kernel=str(document["host"]["kernel"]),
            taken=str(document["taken"]),
            scope=tuple(map(str, document["scope"])),
            asked_by=int(document["asked_by"]),
            groups=tuple(map(_read_group, document["groups"])),
            verdicts={str(k): int(v) for k, v in document["summary"]["verdicts"].items()},
            notes=tuple(map(str, document["notes"])),
        )
    except (KeyError, TypeError, AttributeError, IndexError):
        raise ValueError("not the JSON of an audit: damaged") from None


def _read_group(found: Mapping[str, Any]) -> Group:
    reason, readers = str(found["reason"]), tuple(map(str, found["open_to"]))
    severity = found["severity"]
    if reason not in REASONS or not {*readers} <= {*READERS} or severity not in (None, *SEVERITIES):
        raise ValueError("made by a newer version")
    return Group(
        user=str(found["user"]),
        uid=found["uid"],
        program=str(found["program"]),
        names=tuple(map(str, found["names"])),
        reason=reason,
        severity=severity,
        secrets=tuple(
            Secret(name=str(secret["name"]), where=str(secret["where"]))
            for secret in found["secrets"]
        ),
        open_to=readers,
        pids=tuple(map(int, found["pids"])),
        finding=str(found["finding"]),
        fix=str(found["fix"]),
        command=str(found["command"]),
    )


class Change(Record):
    """A secret that became readable or protected between two audits.

    secret -- its name, or what is wrong if no secret was found
    open_to -- the keys of READERS that changed; () if no secret was found
    is_gone -- whether it is closed because the program no longer runs
    """

    user: str
    program: str
    secret: str
    open_to: tuple[str, ...]
    is_gone: bool = False


class Comparison(Record):
    """What changed between two audits.

    taken -- when the first audit was made; better, worse -- what changed
    before, after -- the facts of the host at each audit
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
    if before.asked_by != after.asked_by:
        raise ValueError(f"made by uid {before.asked_by}, which sees different data from this user")
    if before.scope != after.scope:
        options = " ".join(before.scope) or "no options that narrow it"
        raise ValueError(f"made with other options: {options}")


def compare(before: Saved, after: Saved) -> Comparison:
    """Compare an audit with a later one of the same processes: what got better and worse."""
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
    """Map user, program and secret to those who can get it."""
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
    """Return what is open in the first audit but not in the second."""
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
    """The audits of one host: the newest, and what changed since the first.

    comparison -- None if there is only one, or if they do not cover the same processes
    is_comparable -- whether the first and the newest cover the same processes
    """

    newest: Saved
    comparison: Comparison | None
    is_comparable: bool


def merge(audits: Iterable[Saved]) -> tuple[History, ...]:
    """Return the history of each host, by name."""
    hosts: dict[str, list[Saved]] = {}
    for audit in sorted(audits, key=lambda audit: audit.taken):
        hosts.setdefault(audit.host, []).append(audit)
    return tuple(_make_history(found[0], found[-1]) for _, found in sorted(hosts.items()))


def _make_history(first: Saved, newest: Saved) -> History:
    try:
        check_comparable(first, newest)
    except ValueError:
        return History(newest=newest, comparison=None, is_comparable=False)
    changed = compare(first, newest) if first.taken != newest.taken else None
    return History(newest=newest, comparison=changed, is_comparable=True)
