"""The audit and the doctor as plain text, for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from process_hardening.state import EXPOSED, HARDENED, PARTIAL, UNKNOWN
from process_hardening.audit.select import Audit, Entry
from process_hardening.audit.rules.checks import Check
from process_hardening.audit.rules.findings import Finding
from process_hardening.audit.rules.registry import HIGH, MEDIUM, REGISTRY, SEVERITIES, Kind, rank
from process_hardening.table import table
from process_hardening.terminal import printable

_INDENT = "    "
_COLOURS = {
    **dict.fromkeys((HARDENED, "fine"), "\x1b[32m"),
    **dict.fromkeys((EXPOSED, HIGH), "\x1b[1;31m"),
    **dict.fromkeys((PARTIAL, UNKNOWN, MEDIUM), "\x1b[33m"),
}


def _colours(wanted: bool) -> dict[str, str]:
    return _COLOURS if wanted else {}


def _shown_name(entry: Entry) -> str:
    posture = entry.posture
    name = "(hidden)" if "name" in posture.protected else posture.name or "?"
    return "  " * min(entry.depth, 12) + (f"[{name}]" if not posture.has_memory else name)


def _row(entry: Entry) -> list[str]:
    posture = entry.posture
    verdict = posture.verdict if posture.has_memory else posture.kind
    ids = " ".join(finding.id for finding in entry.findings) or "-"
    return [str(posture.pid), entry.user, _shown_name(entry), verdict, ids, entry.outcome]


def _folded(text: str, width: int | None, indent: str = "") -> str:
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


def _legend(findings: Iterable[Finding], width: int | None) -> list[str]:
    """Each kind of finding once, with the fixes that were told for it."""
    fixes: dict[str, dict[str, None]] = {}
    for finding in findings:
        fixes.setdefault(finding.id, {})[finding.fix] = None
    lines = []
    kinds = [REGISTRY[key] for key in fixes]
    for kind in sorted(kinds, key=lambda kind: (-rank(kind.severity), kind.id)):
        lines.append(_folded(f"{kind.id} {kind.severity}: {kind.title}", width))
        lines += [_folded(f"fix: {fix}", width, _INDENT) for fix in list(fixes[kind.id])[:4]]
    return lines


def counted(number: int, noun: str, plural: str = "") -> str:
    """'1 process', '2 processes'."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def summary(audit: Audit) -> str:
    """The counts in one or two sentences."""
    verdicts = audit.verdicts()
    told = [
        f"{verdicts[verdict]} {verdict}"
        for verdict in ("hardened", "partial", "exposed", "unknown")
        if verdicts[verdict]
    ]
    severities = audit.severities()
    found = [f"{severities[s]} {s}" for s in reversed(SEVERITIES) if severities[s]]
    total = counted(sum(verdicts.values()), "process", "processes")
    return (
        f"{total}{': ' if told else ''}{', '.join(told)};"
        f" findings: {', '.join(found) or 'none'}; {audit.seconds * 1e3:.0f} ms"
    )


def render_audit(audit: Audit, width: int | None = None, coloured: bool = False) -> str:
    """The table of processes, what its findings mean, and the counts."""
    header = ["pid", "user", "name", "verdict", "findings", "an attacker; a crash"]
    parts = [table(header, [_row(entry) for entry in audit.entries], width, _colours(coloured)), ""]
    legend = _legend((finding for _, finding in audit.findings()), width)
    parts += [*legend, ""] if legend else []
    parts += [_folded(f"incomplete: {note}", width) for note in audit.notes]
    parts.append(_folded(summary(audit), width))
    return "\n".join(parts)


def render_doctor(checks: Iterable[Check], width: int | None = None, coloured: bool = False) -> str:
    """The checks as a table, then every finding with its reason and its fix."""
    checks = list(checks)
    rows = []
    for check in checks:
        worst = max((f.severity for f in check.findings), key=rank, default="fine")
        ids = " ".join(finding.id for finding in check.findings) or "-"
        rows.append([check.topic, "unknown" if check.unknown else worst, ids, check.told])
    parts = [
        table(["checked", "result", "findings", "what it is"], rows, width, _colours(coloured)),
        "",
    ]
    findings = sorted(
        (finding for check in checks for finding in check.findings),
        key=lambda finding: (-rank(finding.severity), finding.id),
    )
    for finding in findings:
        parts.append(_folded(f"{finding.id} {finding.severity}: {finding.message}", width))
        parts.append(_folded(f"why: {REGISTRY[finding.id].why}", width, _INDENT))
        parts.append(_folded(f"fix: {finding.fix}", width, _INDENT))
    unknown = sum(check.unknown for check in checks)
    told = f"{counted(len(checks), 'check')}, {counted(len(findings), 'finding')}"
    parts.append(told + (f", {unknown} could not be told" if unknown else ""))
    return "\n".join(parts)


def render_kind(kind: Kind, width: int | None = None) -> str:
    """One kind of finding, explained."""
    lines = [f"{kind.id} ({kind.severity}, of {_SCOPES[kind.scope]}): {kind.title}"]
    for label in ("why", "fix", "source"):
        lines += ["", f"{label}:", _folded(getattr(kind, label), width, _INDENT)]
    return "\n".join(lines)


_SCOPES = {"process": "a process", "host": "the host"}


def render_registry(width: int | None = None) -> str:
    """All kinds of findings, a line each."""
    rows = [[kind.id, kind.severity, kind.title] for kind in REGISTRY.values()]
    return table(["id", "severity", "what is found"], rows, width)


def registry_as_markdown() -> str:
    """docs/findings.md."""
    lines = [
        "# Findings",
        "",
        "What `audit` and `doctor` can find. This page is made of the registry in"
        " `src/process_hardening/posture/registry.py`:",
        "",
        "```console",
        "process-hardening explain --markdown > docs/findings.md",
        "```",
        "",
        "`process-hardening explain PH001` prints one of them. Severities:"
        f" {', '.join(f'*{severity}*' for severity in SEVERITIES)}.",
        "",
    ]
    for scope, title in (("process", "Of a process"), ("host", "Of the host")):
        lines += [f"## {title}", ""]
        for kind in REGISTRY.values():
            if kind.scope == scope:
                lines += [
                    f"### {kind.id}: {kind.title}",
                    "",
                    f"Severity: {kind.severity}",
                    "",
                    *textwrap.wrap(f"{kind.why[0].upper()}{kind.why[1:]}", 96),
                    "",
                    *textwrap.wrap(f"**Fix:** {kind.fix}", 96, break_long_words=False),
                    "",
                    *textwrap.wrap(f"**Source:** {kind.source}", 96),
                    "",
                ]
    return "\n".join(lines).rstrip()
