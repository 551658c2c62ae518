"""Says in a sentence or two who can read secrets, claiming no more than an audit looked at."""

from __future__ import annotations

from collections import Counter

from process_hardening.audit.groups import make_groups
from process_hardening.audit.reasons import (
    INJECTED,
    LOST,
    OPENS_ITSELF,
    OTHER_COPY,
    TRACED,
    order_of,
)
from process_hardening.audit.rules.model import rank

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from process_hardening.audit.groups import Group
    from process_hardening.audit.result import Audit
    from process_hardening.audit.rules.model import Finding
    from process_hardening.audit.saved import Saved

_ATTACKED = (TRACED, INJECTED)
_SENTENCES = {
    OTHER_COPY: (
        "runs another version of process-hardening, or a library with its name",
        "run another version of process-hardening, or a library with its name",
    ),
    LOST: ("has lost its hardening", "have lost their hardening"),
    OPENS_ITSELF: (
        "is hardened, but its runtime discloses its memory",
        "are hardened, but their runtime discloses their memory",
    ),
}
"""What is said of programs without known secrets, by the worst reason of each; worst first."""


def count(number: int, noun: str, plural: str = "") -> str:
    """Return '1 process', '2 processes'."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def render_headline(audit: Audit) -> str:
    """Summarise who can read secrets on this machine."""
    if audit.is_empty:
        return "Nothing matched: no process meets the conditions."
    are_own = bool(audit.asked_by) and all(
        group.uid == audit.asked_by for group in audit.groups if group.is_leak
    )
    sentences = describe_leaks((("", group) for group in audit.groups), are_own=are_own)
    unread = sum(bool(entry.posture.problem) for entry in audit.entries)
    if audit.known_since or audit.known:
        sentences = _describe_news(audit, sentences)
    elif unread and not sentences:
        sentences = [f"{count(unread, 'process', 'processes')} could not be read: see below."]
    elif not sentences:
        of = " of yours" if audit.asked_by else ""
        sentences = [describe_calm(of, is_complete=_has_seen_all(audit))]
    if audit.is_narrowed:
        sentences.append(
            "This covers only the processes that you chose: run `process-hardening audit` for all."
        )
    return " ".join(sentences)


def describe_status(audit: Audit, fail_on: str) -> str:
    """Name the findings that make the exit status 1, the worst first; '' if there are none.

    fail_on -- the lowest severity that does
    """
    found = [finding for _, finding in audit.findings() if rank(finding.severity) >= rank(fail_on)]
    if not found:
        return ""
    return f"Exits with 1 because of {_count_ids(found)}: process-hardening explain {found[0].id}"


def _count_ids(findings: Iterable[Finding]) -> str:
    counts = Counter(finding.id for finding in findings)
    return ", ".join(f"{name} x{number}" for name, number in counts.items())


def _describe_news(audit: Audit, sentences: list[str]) -> list[str]:
    """Say what is new since the audit that knows the rest, and how much that is."""
    since = f" since {audit.known_since}" if audit.known_since else ""
    new = [finding for _, finding in audit.findings()]
    known = sum(len(entry.findings) for entry in audit.known) - len(new)
    start = [f"No new finding{since}."]
    if new:
        start = [f"{count(len(new), 'new finding')}{since}: {_count_ids(new)}."]
    end = [f"{count(known, 'known finding')} {'is' if known == 1 else 'are'} not shown."]
    if not known:
        end = ["No known finding was left out."]
    leaks = [("", group) for group in make_groups(audit.known) if group.is_leak]
    if not sentences:
        known_leaks = describe_leaks(leaks)
        end += [f"Known or not: {' '.join(known_leaks)}"] if known_leaks else []
    return [*start, *sentences, *end]


def _has_seen_all(audit: Audit | Saved) -> bool:
    """Whether everything could be read, and no process that others can read may hide secrets."""
    return not audit.notes and not any(g.may_hide_secrets(audit.asked_by) for g in audit.groups)


def describe_calm(of: str, *, is_complete: bool) -> str:
    """Say that nothing leaks. of -- whose secrets were looked for, ' of yours'; '' for everyone's.

    is_complete -- whether everything could be read
    """
    return f"No known secret{of} can be read by others{'' if is_complete else ', as far as seen'}."


def describe_leaks(found: Iterable[tuple[str, Group]], *, are_own: bool = False) -> list[str]:
    """Return a sentence for each kind of leak, the most urgent first; [] if there is none.

    A program that is attacked or holds secrets is counted as such, whatever else is wrong with it.

    found -- groups, each with its host
    are_own -- whether all belong to the reader, an ordinary user
    """
    reasons: dict[tuple[str, str, str], str] = {}
    holders = set()
    for host, group in found:
        if not group.is_leak:
            continue
        program = (host, group.user, group.program)
        reasons[program] = min(group.reason, reasons.get(program, group.reason), key=order_of)
        if group.secrets:
            holders.add(program)
    attacked = [program for program, worst in reasons.items() if worst in _ATTACKED]
    sentences = []
    if attacked:
        sentences.append(
            _say(attacked, "is traced or injected into", "are traced or injected into")
        )
    if holders:
        of, readers = (" of yours", "your other programs") if are_own else ("", "others")
        what = f"secrets that {readers} can read"
        sentences.append(_say(holders, f"holds {what}", f"hold {what}", of))
    for reason, (one, several) in _SENTENCES.items():
        others = {program for program, worst in reasons.items() if worst == reason} - holders
        if others:
            sentences.append(_say(others, one, several))
    return sentences


def _say(programs: Collection[object], one: str, several: str, of: str = "") -> str:
    """Return a sentence about one program or several."""
    number = len(programs)
    return f"{count(number, 'program')}{of} {one if number == 1 else several}."


def summarise_hosts(newest: Sequence[tuple[str, Saved]]) -> str:
    """Summarise the audits of one or more hosts, each with its name."""
    audits = [audit for _, audit in newest]
    where = newest[0][0] if len(newest) == 1 else f"{len(newest)} hosts"
    groups = ((name, group) for name, audit in newest for group in audit.groups)
    sentences = describe_leaks(groups)
    if not sentences:
        uids = {audit.asked_by for audit in audits}
        of = "" if uids == {0} else f" of uid {min(uids)}" if len(uids) == 1 else ""
        sentences = [describe_calm(of, is_complete=all(map(_has_seen_all, audits)))]
    partly = sum(audit.is_narrowed or not audit.is_of_all_users for audit in audits)
    if len(audits) > 1 and partly:
        sentences.append(f"{partly} of {len(audits)} audits cover only a part.")
    elif audits[0].is_narrowed:
        sentences.append(f"This covers {audits[0].describe_coverage()}.")
    return f"{where}: {' '.join(sentences)}"
