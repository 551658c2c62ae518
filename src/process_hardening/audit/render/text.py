"""Renders an audit, one row per process, and the rules as plain text."""

from __future__ import annotations

from collections import Counter

from process_hardening.audit.programs import program_of
from process_hardening.audit.render.headline import count, describe_status
from process_hardening.audit.render.screen import (
    describe_exposure,
    describe_secrets,
    label_of,
)
from process_hardening.audit.rules import PROCESS_RULES
from process_hardening.audit.rules.model import HIGH, MEDIUM, SEVERITIES, rank
from process_hardening.audit.rules.tables import HOST_RULES, RULES
from process_hardening.state import EXPOSED, HARDENED, PARTIAL, UNKNOWN, VERDICTS
from process_hardening.table import table
from process_hardening.terminal import fold, printable

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterable

    from process_hardening.audit.entries import Entry
    from process_hardening.audit.result import Audit
    from process_hardening.audit.rules.model import Rule

_INDENT = "    "
_COLOURS = {
    **dict.fromkeys((HARDENED, "fine"), "\x1b[32m"),
    **dict.fromkeys((EXPOSED, HIGH), "\x1b[1;31m"),
    **dict.fromkeys((PARTIAL, UNKNOWN, MEDIUM), "\x1b[33m"),
}
_WIDTH_OF_PAGES = 96
_DEEPEST_INDENT = 12


def _colours(wanted: bool) -> dict[str, str]:
    return _COLOURS if wanted else {}


def _render_fix(fix: str, commands: Iterable[str], width: int | None) -> list[str]:
    """Render the fix and its commands, which are never wrapped, so that they can be copied."""
    lines = fold(f"fix: {fix}", width, _INDENT)
    return lines + [f"{_INDENT}  $ {printable(command)}" for command in commands]


# The audit


def _name_of(entry: Entry) -> str:
    posture = entry.posture
    words = program_of(posture).words
    if posture.name and not posture.is_name_hidden and posture.name[:8] not in words:
        words += f" ({posture.name})"
    indent = "  " * min(entry.depth, _DEEPEST_INDENT)
    return indent + (words if posture.has_memory else f"[{words}]")


def _row_of(entry: Entry) -> list[str]:
    posture = entry.posture
    verdict = posture.verdict if posture.has_memory else posture.kind
    ids = " ".join(finding.id for finding in entry.findings) or "-"
    secrets = [*(posture.secret_variables or ()), *(posture.secret_arguments or ())]
    if posture.has_overwritten_environment and not secrets:
        secrets = ["environment not known"]
    return [str(posture.pid), entry.user, _name_of(entry), verdict, ids, ", ".join(secrets)]


def _order_of(audit: Audit) -> list[Entry]:
    """Sort the entries by group, worst first, unless they are ordered as a tree."""
    if any(entry.depth for entry in audit.entries):
        return list(audit.entries)
    pids = (pid for group in audit.groups for pid in group.pids)
    position = {pid: number for number, pid in enumerate(pids)}
    return sorted(audit.entries, key=lambda entry: position.get(entry.posture.pid, len(position)))


def _render_legend(audit: Audit, width: int | None) -> list[str]:
    """Render each finding once, with the number of processes that have it."""
    counts = Counter(finding.id for _, finding in audit.findings())
    rules = sorted((RULES[key] for key in counts), key=lambda r: (-rank(r.severity), r.id))
    if not rules:
        return []
    rows = [[rule.id, rule.severity, str(counts[rule.id]), rule.words] for rule in rules]
    return [
        *table(["finding", "severity", "found", "what it means"], rows, width).split("\n"),
        f"for the reason and the fix: process-hardening explain {rules[0].id}",
        "",
    ]


def _render_fixes(audit: Audit, width: int | None) -> list[str]:
    """Render the fix for each leaking group, with commands unwrapped so that they can be copied."""
    lines = []
    for group in audit.groups:
        if group.is_leak:
            lines.append(f"{label_of(group)} of {printable(group.user)}: {describe_secrets(group)}")
            lines += _render_fix(group.fix, group.commands, width)
    return [*lines, ""] if lines else []


def summarise(audit: Audit) -> str:
    """Render the counts in a sentence or two."""
    verdicts = audit.count_verdicts()
    by_verdict = ", ".join(f"{verdicts[name]} {name}" for name in VERDICTS if verdicts[name])
    severities = audit.count_severities()
    found = [f"{severities[name]} {name}" for name in reversed(SEVERITIES) if severities[name]]
    total = count(sum(verdicts.values()), "process", "processes")
    return (
        f"{total}{': ' if by_verdict else ''}{by_verdict};"
        f" findings: {', '.join(found) or 'none'}; {audit.seconds * 1e3:.0f} ms"
    )


def render_audit(
    audit: Audit, width: int | None = None, coloured: bool = False, fail_on: str | None = None
) -> str:
    """Render the counts, a row per process, what the findings mean, and their fixes.

    fail_on -- the lowest severity that makes the exit status 1; None: none does
    """
    header = ["pid", "user", "program", "verdict", "findings", "secrets found"]
    rows = [_row_of(entry) for entry in _order_of(audit)]
    parts = fold(summarise(audit), width)
    facts = describe_exposure(audit)
    parts += fold(facts, width) if facts else []
    for note in audit.notes:
        parts += fold(f"Not seen: {note}", width)
    parts += ["", table(header, rows, width, _colours(coloured)), ""]
    parts += _render_legend(audit, width)
    parts += _render_fixes(audit, width)
    status = describe_status(audit, fail_on) if fail_on else ""
    parts += fold(status, width) if status else []
    return "\n".join(parts).rstrip("\n")


# The rules


def render_rule(rule: Rule, width: int | None = None) -> str:
    """Render the explanation of one rule."""
    scope = "a process" if rule in PROCESS_RULES else "the host"
    lines = [f"{rule.id} ({rule.severity}, about {scope}): {rule.words}"]
    for label in ("why", "fix", "source"):
        lines += ["", f"{label}:", *fold(getattr(rule, label), width, _INDENT)]
        if label == "fix":
            lines += [f"{_INDENT}$ {command}" for command in rule.commands]
    return "\n".join(lines)


def render_rules(width: int | None = None) -> str:
    """Render all rules, one line each."""
    rows = [[rule.id, rule.severity, rule.words] for rule in RULES.values()]
    return table(["id", "severity", "what is wrong"], rows, width)


def _rule_as_markdown(rule: Rule) -> list[str]:
    commands = ["```sh", *rule.commands, "```", ""] if rule.commands else []
    return [
        f"### {rule.id}: {rule.words}",
        "",
        f"Severity: {rule.severity}",
        "",
        *fold(rule.why, _WIDTH_OF_PAGES),
        "",
        *fold(f"**Fix:** {rule.fix}", _WIDTH_OF_PAGES),
        "",
        *commands,
        *fold(f"**Source:** {rule.source}", _WIDTH_OF_PAGES),
        "",
    ]


def rules_as_markdown() -> str:
    """Render docs/findings.md."""
    lines = [
        "# Findings",
        "",
        "What `audit` and `doctor` report, why it matters and how to fix it.",
        "`process-hardening explain PH001` prints one finding. Words in CAPITALS in a command are",
        f"placeholders. Severities: {', '.join(f'*{severity}*' for severity in SEVERITIES)}.",
        "",
        "This page is generated from the rules in `src/process_hardening/audit/rules/`:",
        "",
        "```console",
        "process-hardening explain --markdown > docs/findings.md",
        "```",
        "",
    ]
    for title, rules in (("Processes", PROCESS_RULES), ("The host", HOST_RULES)):
        lines += [f"## {title}", ""]
        for rule in sorted(rules, key=lambda rule: rule.id):
            lines += _rule_as_markdown(rule)
    return "\n".join(lines).rstrip()
