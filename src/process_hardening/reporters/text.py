"""Plain aligned text, for people."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence

from process_hardening.terminal import printable
from process_hardening.verify import (
    BLOCKED,
    CONTROL,
    INCONCLUSIVE,
    LEAKED,
    UNAVAILABLE,
    AttackResult,
    Judged,
    Verification,
)

_GAP = "  "
_NARROWEST = 28
_COLOURS = {
    BLOCKED: "\x1b[32m",
    "LEAKED": "\x1b[1;31m",
    "leaked*": "\x1b[33m",
    INCONCLUSIVE: "\x1b[33m",
    UNAVAILABLE: "\x1b[2m",
}
_RESET = "\x1b[0m"


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int | None = None,
    coloured: bool = False,
) -> str:
    """Aligned columns; the last is free text.

    width -- that of the terminal, or None for no limit. The last column is folded to fit, and
        goes to lines of its own when too little is left for it.
    coloured -- whether outcomes are in colour
    """
    cells = [[printable(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header) - 1)]
    used = sum(widths) + len(_GAP) * len(widths)
    room = None if width is None else width - used
    lines = []
    for row in cells:
        padded = [cell.ljust(size) for cell, size in zip(row, widths, strict=False)]
        if coloured:
            padded = [
                _COLOURS[cell.strip()] + cell + _RESET if cell.strip() in _COLOURS else cell
                for cell in padded
            ]
        start = _GAP.join(padded)
        if room is None:
            lines.append(f"{start}{_GAP}{row[-1]}".rstrip())
        elif room >= _NARROWEST:
            folded = textwrap.wrap(row[-1], room) or [""]
            lines.append(f"{start}{_GAP}{folded[0]}".rstrip())
            lines += [" " * used + more for more in folded[1:]]
        else:
            indent = " " * 4
            lines.append(start.rstrip())
            lines += textwrap.wrap(
                row[-1], max(width or 0, 20), initial_indent=indent, subsequent_indent=indent
            )
    return "\n".join(lines)


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
    parts = [head, "", table(header, rows, width, coloured), ""]
    parts += _footnotes(verification, width)
    parts += [f"note: {printable(note)}" for note in verification.notes]
    text = summary(verification)
    parts += textwrap.wrap(text, width) if width else [text]
    return "\n".join(parts)
