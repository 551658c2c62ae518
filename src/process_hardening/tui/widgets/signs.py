"""How states are shown: by a sign and a word as well as by a colour, which nobody has to see."""

from __future__ import annotations

from textual.content import Content

from process_hardening.audit.rules.model import HIGH, INFO, LOW, MEDIUM, Finding
from process_hardening.state import EXPOSED, HARDENED, PARTIAL, UNKNOWN
from process_hardening.terminal import printable
from process_hardening.tui.view import APPEARED, GAINED, GONE, LOST

VERDICTS: dict[str, tuple[str, str]] = {
    HARDENED: ("■", "$text-success"),
    PARTIAL: ("◧", "$text-warning"),
    EXPOSED: ("□", "$text-error"),
    UNKNOWN: ("?", "$text-muted"),
}
CHANGES = {
    APPEARED: ("+", "$text-accent"),
    LOST: ("!", "bold $text-error"),
    GAINED: ("^", "$text-success"),
    GONE: ("x", "$text-muted"),
}
SEVERITIES = {
    HIGH: "bold $text-error",
    MEDIUM: "$text-warning",
    LOW: "$foreground",
    INFO: "$text-muted",
    "fine": "$text-success",
    "unknown": "$text-warning",
}
"""Sign and style of each."""


def verdict(name: str) -> Content:
    """A verdict with its sign."""
    sign, style = VERDICTS[name]
    return Content.styled(f"{sign} {name}", style)


def headline(finding: Finding) -> Content:
    """Id, severity and message of a finding."""
    style = SEVERITIES[finding.severity]
    return Content.assemble(
        (f"{finding.id} {finding.severity}", style), ": ", printable(finding.message)
    )


def copyable(finding: Finding) -> str:
    """The commands that fix a finding, a line each."""
    return "\n".join(printable(command) for command in finding.commands)


def commands(finding: Finding) -> Content:
    """The commands that fix a finding, as they are typed."""
    return Content("\n".join(f"  $ {printable(command)}" for command in finding.commands))
