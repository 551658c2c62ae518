"""Markdown, for issues, wikis and pull requests."""

from __future__ import annotations

import html
import re

from process_hardening.verify.render.text import cell, evidence_of, summary
from process_hardening.terminal import printable
from process_hardening.verify.run import CONTROL, Verification


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\`*_{}\[\]|~])", r"\\\1", html.escape(printable(text), quote=False))


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def render(verification: Verification) -> str:
    """The table, its footnotes, the facts and the result."""
    facts = verification.environment
    header = ["attack", CONTROL, *verification.victims, "what the kernel or the tool said"]
    lines = [
        "# process-hardening verify",
        "",
        _escaped(summary(verification)),
        "",
        _row([_escaped(word) for word in header]),
        _row(["---"] * len(header)),
    ]
    for attack in verification.attacks:
        outcomes = [cell(attack.victims.get(victim)) for victim in verification.victims]
        words = [attack.name, attack.control, *outcomes, evidence_of(attack)]
        lines.append(_row([_escaped(word) for word in words]))
    lines.append("")
    for attack_name, victim, why in verification.known_limits:
        lines.append(_escaped(f"{attack_name} of {victim}: {why}").join(["- \\* ", ""]))
    lines += [f"- note: {_escaped(note)}" for note in verification.notes]
    lines += ["", "| fact | value |", "| --- | --- |"]
    for name, value in facts.items():
        if isinstance(value, dict):
            lines += [_row([_escaped(key), _escaped(str(told))]) for key, told in value.items()]
        else:
            lines.append(_row([_escaped(name), _escaped(str(value))]))
    return "\n".join(lines) + "\n"
