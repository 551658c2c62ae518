"""Renders the findings of doctor as text and as a shell script to review and run."""

from __future__ import annotations

from process_hardening.audit.rules.model import HIGH, MEDIUM, rank
from process_hardening.terminal import fold, printable

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from process_hardening.audit.result import Diagnosis
    from process_hardening.audit.rules.model import Check, Finding

_INDENT = "  "
_COLOURS = {HIGH: "\x1b[1;31m", MEDIUM: "\x1b[33m"}
_GREEN, _RESET = "\x1b[32m", "\x1b[0m"


def sort_findings(diagnosis: Diagnosis) -> list[Finding]:
    """Return the findings, worst first."""
    return sorted(diagnosis.findings, key=lambda found: (-rank(found.severity), found.id))


def render_doctor(diagnosis: Diagnosis, width: int | None = None, coloured: bool = False) -> str:
    """Render a summary, a block per finding with the commands that fix it, and what is fine."""
    lines = fold(_summarise(diagnosis), width)
    found = sort_findings(diagnosis)
    if any(finding.commands for finding in found):
        place = " on the host of this container" if diagnosis.host.is_container else ""
        lines += fold(f"Run the commands as root{place}, in this order.", width)
    for finding in found:
        lines += ["", *_render_finding(finding, width, coloured)]
    fine = [check for check in diagnosis.checks if check.answer.is_known and not check.findings]
    if fine:
        lines += ["", f"{_GREEN}Fine:{_RESET}" if coloured else "Fine:"]
        for check in fine:
            lines += fold(f"{check.topic}: {check.answer.text}", width, _INDENT)
    for check in _list_unknown(diagnosis):
        lines += fold(f"Unknown: {check.topic}: {check.answer.text}.", width)
    return "\n".join(lines)


def _list_unknown(diagnosis: Diagnosis) -> list[Check]:
    return [check for check in diagnosis.checks if not check.answer.is_known]


def _summarise(diagnosis: Diagnosis) -> str:
    open_ones = sum(bool(check.findings) for check in diagnosis.checks)
    unknown = len(_list_unknown(diagnosis))
    fine = len(diagnosis.checks) - open_ones - unknown
    if open_ones:
        one = open_ones == 1
        start = f"{open_ones} setting{'' if one else 's'} of this host help{'s' * one} an attacker"
    else:
        start = "No setting of this host helps an attacker"
    end = f", and {unknown} could not be checked." if unknown else "."
    return f"{start}; {fine} are fine{end}"


def _render_finding(finding: Finding, width: int | None, coloured: bool) -> list[str]:
    """Render a finding: what it is, why it matters, its commands, their risks and how to undo them.

    Commands are never wrapped, so that they can be copied.
    """
    message = finding.message[0].upper() + finding.message[1:]
    lines = fold(f"! {message}. {finding.id} {finding.severity}", width, more=_INDENT)
    if coloured and finding.severity in _COLOURS:
        lines = [f"{_COLOURS[finding.severity]}{line}{_RESET}" for line in lines]
    lines += fold(finding.rule.reason, width, _INDENT)
    if not finding.commands:
        lines += fold(finding.fix, width, _INDENT)
    lines += [f"{_INDENT * 2}{printable(command)}" for command in finding.commands]
    if finding.rule.breaks:
        lines += fold(f"May break: {finding.rule.breaks}", width, _INDENT)
    if finding.undo:
        lines += [f"{_INDENT}Undo:", *(f"{_INDENT * 2}{printable(line)}" for line in finding.undo)]
    return lines


_SCRIPT_HEAD = """\
#!/bin/sh
# Fixes for {host}, made by `process-hardening doctor --script {severity}`.
# Read it before you run it:
#   sh FILE          apply the fixes
#   sh FILE undo     undo them
# It changes nothing else, and stops at the first command that fails.
set -eu

if [ "$(id -u)" != 0 ]; then
    echo "run this as root" >&2
    exit 1
fi
"""

_SCRIPT_TAIL = """\
case ${1:-apply} in
apply) apply ;;
undo) undo ;;
*)
    echo "usage: sh $0 [apply|undo]" >&2
    exit 2
    ;;
esac"""


def render_script(diagnosis: Diagnosis, severity: str) -> str:
    """Render a POSIX shell script with the fixes for findings of this severity or above.

    Fixes that need a decision first, and findings that no command fixes, become comments.
    """
    found = [f for f in sort_findings(diagnosis) if f.is_at_least(severity)]
    head = _SCRIPT_HEAD.format(host=printable(diagnosis.host.name), severity=severity)
    if diagnosis.host.is_container:
        head += "# doctor ran in a container: run this on its host.\n"
    lines: list[str] = []
    undo: dict[str, None] = {}
    seen: set[str] = set()
    for finding in found:
        lines += _script_lines(finding, seen)
    for finding in reversed(found):
        if not finding.rule.by_hand:
            undo.update((f"    {printable(command)}", None) for command in finding.undo)
    body = [*(lines or ["    # nothing to fix"]), "    :", "}", "", "undo() {", *undo, "    :", "}"]
    return "\n".join([head, "apply() {", *body, "", _SCRIPT_TAIL])


def _script_lines(finding: Finding, seen: set[str]) -> list[str]:
    """Render one finding: what it is, what its fix may break, and the commands not yet seen."""
    lines = [f"    # {finding.id} {finding.severity}: {printable(finding.message)}"]
    if finding.rule.breaks:
        lines.append(f"    # may break: {finding.rule.breaks}")
    if finding.rule.by_hand:
        lines.append("    # not applied: decide first, then run")
    if not finding.commands:
        lines.append(f"    # no command fixes it: {printable(finding.fix)}")
    start = "    #     " if finding.rule.by_hand else "    "
    new = [command for command in finding.commands if command not in seen]
    seen.update(new)
    return [*lines, *(start + printable(command) for command in new)]
