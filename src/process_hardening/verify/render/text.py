"""Plain aligned text, for people."""

from __future__ import annotations

import textwrap
from collections import Counter

from process_hardening.table import table
from process_hardening.terminal import printable
from process_hardening.verify.run import (
    BLOCKED,
    CONTROL,
    INCONCLUSIVE,
    LEAKED,
    UNAVAILABLE,
    AttackResult,
    Judged,
    Verification,
)

_COLOURS = {
    BLOCKED: "\x1b[32m",
    "LEAKED": "\x1b[1;31m",
    "leaked*": "\x1b[33m",
    INCONCLUSIVE: "\x1b[33m",
    UNAVAILABLE: "\x1b[2m",
}


def evidence_of(attack: AttackResult) -> str:
    """What the kernel said, in one line for the whole row: of a leak if there is one."""
    if attack.control != LEAKED:
        return attack.detail
    by_outcome: dict[str, Counter[str]] = {}
    for judged in attack.victims.values():
        key = "known" if judged.known_limit else judged.outcome
        by_outcome.setdefault(key, Counter())[judged.evidence] += 1
    for outcome in (LEAKED, INCONCLUSIVE, BLOCKED, "known"):
        if outcome in by_outcome:
            return by_outcome[outcome].most_common(1)[0][0]
    return attack.detail


def cell(judged: Judged | None) -> str:
    """One word for one victim; a star marks what is documented."""
    if judged is None:
        return "-"
    if judged.outcome == LEAKED:
        return "leaked*" if judged.known_limit else "LEAKED"
    return judged.outcome


def _footnotes(verification: Verification, width: int | None) -> list[str]:
    """The documented limits, one paragraph a reason."""
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
    verdict = {
        0: "every attack that leaked from the control was blocked",
        1: "a secret LEAKED from a victim",
        3: "inconclusive",
    }[verification.exit_code]
    if verification.exit_code == 0 and verification.known_limits:
        verdict += ", but for the documented limits"
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
            *(cell(attack.victims.get(victim)) for victim in verification.victims),
            evidence_of(attack),
        ]
        for attack in verification.attacks
    ]
    header = ["attack", CONTROL, *verification.victims, "what the kernel or the tool said"]
    parts = [head, "", table(header, rows, width, _COLOURS if coloured else {}), ""]
    parts += _footnotes(verification, width)
    parts += [f"note: {printable(note)}" for note in verification.notes]
    text = summary(verification)
    parts += textwrap.wrap(text, width) if width else [text]
    return "\n".join(parts)
