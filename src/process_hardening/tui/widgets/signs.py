"""How states are shown: by a sign and a word as well as by a colour, which nobody has to see."""

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
"""What matters less."""


@dataclass(frozen=True)
class Risk:
    """How a severity is shown. style -- of a Content; meaning -- for the help."""

    bar: str
    word: str
    style: str
    meaning: str

    @property
    def name(self) -> str:
        """Of the table's component class."""
        return f"table--{self.word}"


RISKS: dict[str | None, Risk] = {
    HIGH: Risk("███", "high", "bold $text-error", "others can read secrets of it, or do already"),
    MEDIUM: Risk("██", "medium", "$text-warning", "others can read it; no secret was seen in it"),
    LOW: Risk("█", "low", "$foreground", "root in a container can read it, or a crash stores it"),
    INFO: Risk("?", "unknown", QUIET, "it cannot be told; its details say why"),
    None: Risk("✓", "hardened", "$text-success", "no program of its user can read it"),
}
"""By the severity of a group."""

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
"""Sign and style of each."""


def verdict(name: str) -> Content:
    """A verdict with its sign."""
    sign, style = VERDICTS[name]
    return Content.styled(f"{sign} {name}", style)


def risk(group: Group) -> Content:
    """The bar and the word of a group, as wide as those of any other."""
    shown = RISKS[group.severity]
    return Content.styled(f"{shown.bar:<{BAR_CELLS}} {shown.word:<8}", shown.style)


def headline(finding: Finding) -> Content:
    """Id, severity and message of a finding."""
    style = RISKS[finding.severity].style
    return Content.assemble(
        (f"{finding.id} {finding.severity}", style), ": ", printable(finding.message)
    )


def copyable(finding: Finding) -> str:
    """The commands that fix a finding, a line each."""
    return "\n".join(printable(command) for command in finding.commands)


def command(line: str) -> Content:
    """A command as it is typed."""
    return Content.assemble(("$ ", QUIET), (printable(line), "bold $text-accent"))


def rich_style(app: App[Any], style: str) -> str:
    """A style of a Content for the cells of a DataTable, which know no variables."""
    variables = app.theme_variables
    return " ".join(
        variables.get(word[1:], "").split(" ")[0] if word.startswith("$") else word
        for word in style.split()
    )
