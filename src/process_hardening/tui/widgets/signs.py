"""How states are shown: by a sign and a word as well as by a colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from textual.app import App
from textual.content import Content

from process_hardening.audit.groups import Group
from process_hardening.audit.rules.model import HIGH, INFO, LOW, MEDIUM, Finding
from process_hardening.state import EXPOSED, HARDENED, PARTIAL, UNKNOWN
from process_hardening.terminal import printable
from process_hardening.tui.view import APPEARED, ENDED, GAINED, LOST

QUIET = "$foreground 70%"
"""The style of less important text."""


@dataclass(frozen=True)
class Risk:
    """How a severity is shown. style -- a Content style; meaning -- for the help."""

    bar: str
    word: str
    style: str
    meaning: str

    @property
    def name(self) -> str:
        """The name of the table's component class."""
        return f"table--{self.word}"


RISKS: dict[str | None, Risk] = {
    HIGH: Risk("███", "high", "bold $text-error", "others can read its secrets, or already do"),
    MEDIUM: Risk("██", "medium", "$text-warning", "others can read it; no secret was found in it"),
    LOW: Risk("█", "low", "$foreground", "root in a container can read it, or a crash dumps it"),
    INFO: Risk("?", "unknown", QUIET, "it cannot be judged; see its details"),
    None: Risk("✓", "hardened", "$text-success", "no program of its user can read it"),
}
"""Risks, by the severity of a group."""

BAR_CELLS = 3

VERDICTS: dict[str, tuple[str, str]] = {
    HARDENED: ("✓", "$text-success"),
    PARTIAL: ("█", "$text-warning"),
    EXPOSED: ("███", "$text-error"),
    UNKNOWN: ("?", QUIET),
}
CHANGES = {
    LOST: ("!", "bold $text-error"),
    GAINED: ("^", "$text-success"),
    APPEARED: ("+", "$text-accent"),
    ENDED: ("x", QUIET),
}
"""The sign and style of each change."""


def verdict(name: str) -> Content:
    """Return a verdict with its sign."""
    sign, style = VERDICTS[name]
    return Content.styled(f"{sign} {name}", style)


def risk(group: Group) -> Content:
    """Return the bar and the word for the risk of a group, padded to a common width."""
    shown = RISKS[group.severity]
    return Content.styled(f"{shown.bar:<{BAR_CELLS}} {shown.word:<8}", shown.style)


def headline(finding: Finding) -> Content:
    """Return the id, severity and message of a finding."""
    style = RISKS[finding.severity].style
    return Content.assemble(
        (f"{finding.id} {finding.severity}", style), ": ", printable(finding.message)
    )


def copyable(finding: Finding) -> str:
    """Return the commands that fix a finding, one per line."""
    return "\n".join(printable(command) for command in finding.commands)


def command(line: str) -> Content:
    """Return a command after a prompt, as in a shell."""
    return Content.assemble(("$ ", QUIET), (printable(line), "bold $text-accent"))


def rich_style(app: App[Any], style: str) -> str:
    """Convert a Content style for cells of a DataTable, which do not resolve theme variables."""
    variables = app.theme_variables
    return " ".join(
        variables.get(word[1:], "").split(" ")[0] if word.startswith("$") else word
        for word in style.split()
    )
