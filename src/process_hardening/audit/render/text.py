"""The audit, the doctor and the rules as plain text, for people."""

from __future__ import annotations

import textwrap

from process_hardening.audit.rules import HOST_RULES, PROCESS_RULES, RULES
from process_hardening.audit.rules.model import HIGH, MEDIUM, SEVERITIES, rank, worst_of
from process_hardening.state import EXPOSED, HARDENED, PARTIAL, UNKNOWN, VERDICTS
from process_hardening.table import table
from process_hardening.terminal import printable

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Iterable

    from process_hardening.audit.result import Audit, Diagnosis, Entry
    from process_hardening.audit.rules.model import Check, Finding, Rule

_INDENT = "    "
_COLOURS = {
    **dict.fromkeys((HARDENED, "fine"), "\x1b[32m"),
    **dict.fromkeys((EXPOSED, HIGH), "\x1b[1;31m"),
    **dict.fromkeys((PARTIAL, UNKNOWN, MEDIUM), "\x1b[33m"),
}
_MOST_FIXES = 4
_WIDTH_OF_PAGES = 96
_DEEPEST_INDENT = 12


def _colours(wanted: bool) -> dict[str, str]:
    return _COLOURS if wanted else {}


def _fold(text: str, width: int | None, indent: str = "") -> str:
    text = printable(text)
    if width is None:
        return indent + text
    return textwrap.fill(
        text,
        max(width, 40),
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
    )


def _render_fix(fix: str, commands: Iterable[str], width: int | None) -> list[str]:
    """The fix, and its commands: never folded, so that they can be copied."""
    lines = [_fold(f"fix: {fix}", width, _INDENT)]
    return lines + [f"{_INDENT}  $ {printable(command)}" for command in commands]


def count(number: int, noun: str, plural: str = "") -> str:
    """'1 process', '2 processes'."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


# The audit


def _name_of(entry: Entry) -> str:
    posture = entry.posture
    name = "(hidden)" if posture.is_name_hidden else posture.name or "?"
    return "  " * min(entry.depth, _DEEPEST_INDENT) + (name if posture.has_memory else f"[{name}]")


def _row_of(entry: Entry) -> list[str]:
    posture = entry.posture
    verdict = posture.verdict if posture.has_memory else posture.kind
    ids = " ".join(finding.id for finding in entry.findings) or "-"
    return [str(posture.pid), entry.user, _name_of(entry), verdict, ids, entry.outcome]


def _render_legend(findings: Iterable[Finding], width: int | None) -> list[str]:
    """Each rule once, with the fixes that it proposed."""
    fixes: dict[str, dict[tuple[str, tuple[str, ...]], None]] = {}
    for finding in findings:
        fixes.setdefault(finding.id, {})[finding.fix, finding.commands] = None
    lines = []
    for rule in sorted((RULES[key] for key in fixes), key=lambda r: (-rank(r.severity), r.id)):
        lines.append(_fold(f"{rule.id} {rule.severity}: {rule.words}", width))
        for fix, commands in list(fixes[rule.id])[:_MOST_FIXES]:
            lines += _render_fix(fix, commands, width)
    return lines


def summarise(audit: Audit) -> str:
    """The counts in a sentence or two."""
    verdicts = audit.count_verdicts()
    by_verdict = ", ".join(f"{verdicts[name]} {name}" for name in VERDICTS if verdicts[name])
    severities = audit.count_severities()
    found = [f"{severities[name]} {name}" for name in reversed(SEVERITIES) if severities[name]]
    total = count(sum(verdicts.values()), "process", "processes")
    return (
        f"{total}{': ' if by_verdict else ''}{by_verdict};"
        f" findings: {', '.join(found) or 'none'}; {audit.seconds * 1e3:.0f} ms"
    )


def render_audit(audit: Audit, width: int | None = None, coloured: bool = False) -> str:
    """The table of processes, what its findings mean, and the counts."""
    header = ["pid", "user", "name", "verdict", "findings", "an attacker; a crash"]
    rows = [_row_of(entry) for entry in audit.entries]
    parts = [table(header, rows, width, _colours(coloured)), ""]
    legend = _render_legend((finding for _, finding in audit.findings()), width)
    parts += [*legend, ""] if legend else []
    parts += [_fold(f"incomplete: {note}", width) for note in audit.notes]
    parts.append(_fold(summarise(audit), width))
    return "\n".join(parts)


# The doctor


def _row_of_check(check: Check) -> list[str]:
    result = (worst_of(check.findings) or "fine") if check.answer.is_known else UNKNOWN
    ids = " ".join(finding.id for finding in check.findings) or "-"
    return [check.topic, result, ids, check.answer.text]


def render_doctor(diagnosis: Diagnosis, width: int | None = None, coloured: bool = False) -> str:
    """The checks as a table, then every finding with its reason and its fix."""
    header = ["checked", "result", "findings", "what it is"]
    rows = [_row_of_check(check) for check in diagnosis.checks]
    parts = [table(header, rows, width, _colours(coloured)), ""]
    for finding in sorted(diagnosis.findings, key=lambda f: (-rank(f.severity), f.id)):
        parts.append(_fold(f"{finding.id} {finding.severity}: {finding.message}", width))
        parts.append(_fold(f"why: {finding.rule.why}", width, _INDENT))
        parts += _render_fix(finding.fix, finding.commands, width)
    unknown = sum(not check.answer.is_known for check in diagnosis.checks)
    counts = f"{count(len(rows), 'check')}, {count(len(diagnosis.findings), 'finding')}"
    parts.append(counts + (f", {unknown} not known" if unknown else ""))
    return "\n".join(parts)


# The rules


def render_rule(rule: Rule, width: int | None = None) -> str:
    """One rule, explained."""
    scope = "a process" if rule in PROCESS_RULES else "the host"
    lines = [f"{rule.id} ({rule.severity}, of {scope}): {rule.words}"]
    for label in ("why", "fix", "source"):
        lines += ["", f"{label}:", _fold(getattr(rule, label), width, _INDENT)]
        if label == "fix":
            lines += [f"{_INDENT}$ {command}" for command in rule.commands]
    return "\n".join(lines)


def render_rules(width: int | None = None) -> str:
    """All rules, a line each."""
    rows = [[rule.id, rule.severity, rule.words] for rule in RULES.values()]
    return table(["id", "severity", "what is wrong"], rows, width)


def _wrap(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH_OF_PAGES, break_long_words=False)


def _rule_as_markdown(rule: Rule) -> list[str]:
    return [
        f"### {rule.id}: {rule.words}",
        "",
        f"Severity: {rule.severity}",
        "",
        *_wrap(rule.why),
        "",
        *_wrap(f"**Fix:** {rule.fix}"),
        "",
        "```sh",
        *rule.commands,
        "```",
        "",
        *_wrap(f"**Source:** {rule.source}"),
        "",
    ]


def rules_as_markdown() -> str:
    """docs/findings.md."""
    lines = [
        "# Findings",
        "",
        "What `audit` and `doctor` can find. This page is generated from the rules in",
        "`src/process_hardening/audit/rules/`:",
        "",
        "```console",
        "process-hardening explain --markdown > docs/findings.md",
        "```",
        "",
        "`process-hardening explain PH001` prints one of them. Words in CAPITALS in a command are",
        f"placeholders. Severities: {', '.join(f'*{severity}*' for severity in SEVERITIES)}.",
        "",
    ]
    for title, rules in (("Of a process", PROCESS_RULES), ("Of the host", HOST_RULES)):
        lines += [f"## {title}", ""]
        for rule in sorted(rules, key=lambda rule: rule.id):
            lines += _rule_as_markdown(rule)
    return "\n".join(lines).rstrip()
