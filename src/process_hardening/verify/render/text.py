"""Plain aligned text, for people."""

from __future__ import annotations

import textwrap
from collections import Counter

from process_hardening.table import table
from process_hardening.terminal import printable
from process_hardening.verify.model import (
    BLOCKED,
    CONTROL,
    INCONCLUSIVE,
    LEAKED,
    UNAVAILABLE,
    AttackResult,
    Verification,
    VictimResult,
)

EXPECTED = "expected"
"""The mark of a leak that is documented."""

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


def mark_of(result: VictimResult | None) -> str:
    """BLOCKED, LEAKED, EXPECTED, INCONCLUSIVE or, for a cell without result, UNAVAILABLE."""
    if result is None:
        return UNAVAILABLE
    return EXPECTED if result.known_limit else result.outcome


def label_of(result: VictimResult | None) -> str:
    """The word for a victim's cell; a star marks a documented leak."""
    return LABELS[mark_of(result)]


def evidence_of(attack: AttackResult) -> str:
    """The message for the whole row: of a leak if there is one, else the most common."""
    if attack.control != LEAKED:
        return attack.detail
    messages: dict[str, Counter[str]] = {}
    for result in attack.victims.values():
        messages.setdefault(mark_of(result), Counter())[result.evidence] += 1
    for mark in (LEAKED, INCONCLUSIVE, BLOCKED, EXPECTED):
        if mark in messages:
            return messages[mark].most_common(1)[0][0]
    return attack.detail


def _footnotes(verification: Verification, width: int | None) -> list[str]:
    """The documented limits, one paragraph for each reason."""
    reasons: dict[str, dict[str, list[str]]] = {}
    for attack, victim, why in verification.known_limits:
        reasons.setdefault(why, {}).setdefault(attack, []).append(victim)
    lines = []
    for why, attacks in reasons.items():
        where = "; ".join(f"{attack} of {', '.join(names)}" for attack, names in attacks.items())
        text = printable(f"* {where}: {why}")
        lines += textwrap.wrap(text, width, subsequent_indent="  ") if width else [text]
    return lines


def summary(verification: Verification) -> str:
    """The result in one or two sentences."""
    leaking = sum(attack.control == LEAKED for attack in verification.attacks)
    counts = [
        f"{verification.count(BLOCKED)} blocked",
        f"{verification.count(LEAKED)} leaked",
        f"{verification.count(INCONCLUSIVE)} inconclusive",
    ]
    if verification.known_limits:
        counts.insert(2, f"{len(verification.known_limits)} leaked as documented (*)")
    verdict = _VERDICTS[verification.exit_code]
    if verification.exit_code == 0 and verification.known_limits:
        verdict += ", except for documented limits"
    tried = len(verification.attacks)
    return (
        f"{leaking} of {tried} attacks leaked from the control; victims:"
        f" {', '.join(counts)}. Result: {verdict}."
    )


def render(verification: Verification, width: int | None = None, coloured: bool = False) -> str:
    """The table, its footnotes and the result."""
    facts = verification.environment
    who = "root without CAP_SYS_PTRACE" if facts["container_root"] else f"user {facts['uid']}"
    head = (
        f"attacker and victims: {who}; Linux {facts['kernel']}, {facts['libc']},"
        f" Python {facts['python']}; {verification.seconds:.1f} s"
    )
    rows = [
        [
            attack.name,
            attack.control,
            *(label_of(attack.victims.get(victim)) for victim in verification.victims),
            evidence_of(attack),
        ]
        for attack in verification.attacks
    ]
    header = ["attack", CONTROL, *verification.victims, EVIDENCE_HEADER]
    parts = [head, "", table(header, rows, width, _COLOURS if coloured else {}), ""]
    parts += _footnotes(verification, width)
    parts += [f"note: {printable(note)}" for note in verification.notes]
    text = summary(verification)
    parts += textwrap.wrap(text, width) if width else [text]
    return "\n".join(parts)
