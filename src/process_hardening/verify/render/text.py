"""Renders a verification as aligned plain text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from process_hardening.table import table
from process_hardening.terminal import fold
from process_hardening.verify.conclusion import (
    BETTER,
    OTHER,
    WORSE,
    Change,
    Comparison,
    explain,
    headline,
)
from process_hardening.verify.model import (
    BLOCKED,
    CONTROL,
    EXPECTED,
    INCONCLUSIVE,
    LEAKED,
    UNAVAILABLE,
    AttackResult,
    Verification,
    VictimResult,
)

LABELS = {
    BLOCKED: "blocked",
    LEAKED: "LEAKED",
    EXPECTED: "leaked*",
    INCONCLUSIVE: "inconclusive",
    UNAVAILABLE: "-",
}
"""The word for each mark of a victim's cell."""

EVIDENCE_HEADER = "message from the kernel or the tool"

_COLOURS = {
    LABELS[BLOCKED]: "\x1b[32m",
    LABELS[LEAKED]: "\x1b[1;31m",
    LABELS[EXPECTED]: "\x1b[33m",
    INCONCLUSIVE: "\x1b[33m",
    UNAVAILABLE: "\x1b[2m",
}
_VERDICTS = {
    0: "every attack that leaked from the control was blocked",
    1: "a secret LEAKED from a victim",
    3: "inconclusive",
}


_CONFINED = {False: "not confined", True: "confined", None: "perhaps confined"}
"""Whether verify itself is confined; programs that it starts are in the same domain."""


def mark_of(result: VictimResult | None) -> str:
    """Return the mark of a cell; UNAVAILABLE if it has no result."""
    return result.mark if result else UNAVAILABLE


def label_of(result: VictimResult | None) -> str:
    """Return the word for a victim's cell; a star marks a documented leak."""
    return LABELS[mark_of(result)]


def evidence_of(attack: AttackResult) -> str:
    """Return the message for the whole row: a leak's if there is one, or else the most common."""
    if attack.control != LEAKED:
        return attack.detail
    messages: dict[str, Counter[str]] = {}
    for result in attack.victims.values():
        messages.setdefault(mark_of(result), Counter())[result.evidence] += 1
    for mark in (LEAKED, INCONCLUSIVE, BLOCKED, EXPECTED):
        if mark in messages:
            return messages[mark].most_common(1)[0][0]
    return attack.detail


def list_limits(verification: Verification) -> list[str]:
    """Render the documented leaks, one line per reason."""
    reasons: dict[str, list[tuple[str, str]]] = {}
    for attack, victim, why in verification.known_limits:
        reasons.setdefault(why, []).append((attack, victim))
    return [f"{_join_cells(cells)}: {why}" for why, cells in reasons.items()]


def _join_cells(cells: Iterable[tuple[str, str]]) -> str:
    """Render cells of the table; attacks with the same victims are joined."""
    victims: dict[str, list[str]] = {}
    for attack, victim in cells:
        victims.setdefault(attack, []).append(victim)
    attacks: dict[str, list[str]] = {}
    for attack, names in victims.items():
        attacks.setdefault(", ".join(names), []).append(attack)
    return "; ".join(f"{', '.join(names)} of {group}" for group, names in attacks.items())


def list_untried(verification: Verification) -> list[str]:
    """Render what was not tried, one line per reason."""
    reasons: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for attack in verification.attacks:
        for victim, result in attack.victims.items():
            if result.outcome == UNAVAILABLE:
                attacks, victims = reasons.setdefault(result.evidence, ({}, {}))
                attacks[attack.name] = victims[victim] = None
    lines = []
    for why, (attacks, victims) in reasons.items():
        rows = _list_some(attacks, [attack.name for attack in verification.attacks], "all attacks")
        columns = _list_some(victims, verification.victims, "all victims")
        lines.append(f"{rows} on {columns}: {why}")
    return lines


def _list_some(some: Collection[str], every: Collection[str], name_of_all: str) -> str:
    """List names, or the missing names if there are fewer of them."""
    others = [name for name in every if name not in some]
    if not others:
        return name_of_all if len(every) > 1 else ", ".join(some)
    if len(others) < len(some):
        return f"{name_of_all} except {', '.join(others)}"
    return ", ".join(some)


def _fit_victims(verification: Verification, width: int | None) -> list[tuple[str, ...]]:
    """Split the victims into groups that fit into a table of this width, without messages."""
    if width is None:
        return [verification.victims]
    taken = max(len(attack.name) for attack in verification.attacks) + len(CONTROL) + 4
    groups: list[list[str]] = [[]]
    used = taken
    for victim in verification.victims:
        needed = max(len(victim), len(LABELS[INCONCLUSIVE])) + 2
        if groups[-1] and used + needed > width:
            groups.append([])
            used = taken
        groups[-1].append(victim)
        used += needed
    return [tuple(group) for group in groups]


def summary(verification: Verification) -> str:
    """Render the result in one or two sentences."""
    leaking = sum(attack.control == LEAKED for attack in verification.attacks)
    counts = [
        f"{verification.count(BLOCKED)} blocked",
        f"{verification.count(LEAKED)} leaked",
        f"{verification.count(INCONCLUSIVE)} inconclusive",
    ]
    if verification.known_limits:
        counts.insert(2, f"{len(verification.known_limits)} leaked as documented (*)")
    if verification.ignored:
        counts.append(f"{verification.ignored} ignored (a tool does not work here)")
    verdict = _VERDICTS[verification.exit_code]
    if verification.exit_code == 0 and verification.known_limits:
        verdict += ", except for documented limits"
    tried = len(verification.attacks)
    return (
        f"{leaking} of {tried} attacks leaked from the control; victims:"
        f" {', '.join(counts)}. Result: {verdict}."
    )


def list_changes(comparison: Comparison) -> list[str]:
    """Render what changed: the counts, then one line for each group of changes, worst first."""
    earlier, parts = comparison.earlier, comparison.parts
    since = f"Since {earlier.time} on {earlier.host}, Linux {earlier.kernel}"
    if comparison.earlier_process:
        since += f", when it was {comparison.earlier_process.title}"
    if not comparison.changes:
        return [f"{since}: no result changed."]
    counts = [
        f"{len(parts[WORSE])} worse",
        f"{len(parts[BETTER])} better",
        f"{comparison.unchanged} unchanged",
    ]
    untried = sum(change.now == UNAVAILABLE for change in parts[OTHER])
    for count, when in ((untried, "this time"), (len(parts[OTHER]) - untried, "before")):
        counts += [f"{count} not tried {when}"] if count else []
    lines = [f"{since}: {', '.join(counts)}."]
    for kind in (WORSE, BETTER):
        lines += [f"{kind} {group}" for group in _group_changes(parts[kind])]
    return lines


def _group_changes(changes: Sequence[Change]) -> list[str]:
    """Render changes, grouped by their outcomes before and now."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for change in changes:
        outcomes = f"{LABELS[change.before]} -> {LABELS[change.now]}"
        groups.setdefault(outcomes, []).append((change.attack, change.victim))
    return [f"({outcomes}): {_join_cells(cells)}" for outcomes, cells in groups.items()]


def _render_tables(
    verification: Verification, width: int | None, colours: Mapping[str, str]
) -> list[str]:
    """Render one table if all victims fit, or else several tables and a table of the messages."""
    attacks = verification.attacks
    messages = [evidence_of(attack) for attack in attacks]
    groups = _fit_victims(verification, width)
    is_one = len(groups) == 1
    parts = []
    for victims in groups:
        rows = [
            [attack.name, attack.control, *(label_of(attack.victims.get(v)) for v in victims)]
            for attack in attacks
        ]
        header = ["attack", CONTROL, *victims]
        if is_one:
            header.append(EVIDENCE_HEADER)
            rows = [[*row, message] for row, message in zip(rows, messages, strict=True)]
        else:  # the last column of a table is free text
            header.append("")
            rows = [[*row, ""] for row in rows]
        parts += [table(header, rows, width, colours), ""]
    if not is_one:
        names = [[attack.name, text] for attack, text in zip(attacks, messages, strict=True)]
        parts += [table(["attack", EVIDENCE_HEADER], names, width), ""]
    return parts


def render(
    verification: Verification,
    width: int | None = None,
    coloured: bool = False,
    comparison: Comparison | None = None,
) -> str:
    """Render the headline, the explanation, the table, its footnotes and the result."""
    facts = verification.environment
    who = "root without CAP_SYS_PTRACE" if facts["container_root"] else f"user {facts['uid']}"
    confined = _CONFINED[facts["confined"]]
    landlock = f"Landlock {facts['landlock']}" if facts["landlock"] else "no Landlock"
    head = (
        f"{facts['host']}: Linux {facts['kernel']}, {landlock}, {facts['libc']},"
        f" Python {facts['python']}; attacker and victims: {who}, {confined};"
        f" {verification.seconds:.1f} s"
    )
    parts = [*fold(headline(verification), width), ""]
    if comparison:
        for line in list_changes(comparison):
            parts += fold(line, width, more="  ")
        parts.append("")
    parts += [*fold(explain(verification), width), "", *fold(head, width), ""]
    parts += _render_tables(verification, width, _COLOURS if coloured else {})
    remarks = [f"* {line}" for line in list_limits(verification)]
    remarks += [f"- {line}" for line in list_untried(verification)]
    remarks += [f"note: {note}" for note in verification.notes]
    for line in remarks:
        parts += fold(line, width, more="  ")
    text = summary(verification)
    parts += fold(text, width)
    return "\n".join(parts)
