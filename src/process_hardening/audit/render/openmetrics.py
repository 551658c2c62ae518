"""OpenMetrics, for the textfile collector of Prometheus' node_exporter.

It has only gauges, so it is also valid in the older Prometheus text format, which the collector
reads.
"""

from __future__ import annotations

import time
from collections import Counter

from process_hardening.audit.groups import measure_users
from process_hardening.audit.programs import program_of
from process_hardening.audit.reasons import READERS
from process_hardening.audit.render.json import readable
from process_hardening.audit.rules import PROCESS_RULES
from process_hardening.state import VERDICTS
from process_hardening.terminal import printable

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from process_hardening.audit.groups import Group
    from process_hardening.audit.result import Audit

    Sample = tuple[Mapping[str, str], float]
    Family = tuple[str, str, list[Sample]]


def _escape(value: str) -> str:
    """Escape a label's value; terminal control characters are escaped twice."""
    return printable(readable(value)).replace("\\", "\\\\").replace('"', '\\"')


def _render_family(name: str, description: str, samples: Iterable[Sample]) -> list[str]:
    # Names that look alike when escaped are one series: readers reject files with duplicates.
    values: dict[str, float] = {}
    for labels, value in samples:
        text = ",".join(f'{label}="{_escape(content)}"' for label, content in labels.items())
        values[text] = values.get(text, 0.0) + value
    lines = [f"# TYPE {name} gauge", f"# HELP {name} {description}"]
    for text, value in values.items():
        lines.append(f"{name}{{{text}}} {value:g}" if text else f"{name} {value:g}")
    return lines


def render(audit: Audit, now: float | None = None) -> str:
    """Render the audit as metrics. Processes are counted by name, never listed by pid.

    now -- seconds since the epoch; default: the current time
    """
    families: list[Family] = [
        *_families_of_processes(audit),
        *_families_of_groups(audit.groups),
        (
            "process_hardening_audit_complete",
            "Whether everything could be read.",
            [({}, float(audit.is_complete))],
        ),
        (
            "process_hardening_audit_duration_seconds",
            "How long the audit took.",
            [({}, round(audit.seconds, 4))],
        ),
    ]
    lines = [line for family in families for line in _render_family(*family)]
    name = "process_hardening_audit_timestamp_seconds"
    lines += [f"# TYPE {name} gauge", f"# HELP {name} When the audit was made."]
    lines.append(f"{name} {time.time() if now is None else now:.3f}")
    return "\n".join([*lines, "# EOF"])


def _families_of_processes(audit: Audit) -> list[Family]:
    verdicts = audit.count_verdicts()
    by_name = Counter(
        (
            entry.posture.name,
            program_of(entry.posture).words,
            entry.user,
            entry.posture.verdict,
        )
        for entry in audit.entries
        if entry.posture.has_memory
    )
    by_id = Counter(finding.id for _, finding in audit.findings())
    return [
        (
            "process_hardening_processes",
            "Processes by verdict.",
            [({"verdict": verdict}, float(verdicts[verdict])) for verdict in VERDICTS],
        ),
        (
            "process_hardening_processes_by_name",
            "Processes by name, program, user and verdict.",
            [
                (
                    {"name": name, "program": program, "user": user, "verdict": verdict},
                    float(count),
                )
                for (name, program, user, verdict), count in sorted(by_name.items())
            ],
        ),
        (
            "process_hardening_findings",
            "Findings by id; `process-hardening explain ID` explains each.",
            [
                ({"id": rule.id, "severity": rule.severity}, float(by_id[rule.id]))
                for rule in sorted(PROCESS_RULES, key=lambda rule: rule.id)
            ],
        ),
    ]


def _families_of_groups(groups: Sequence[Group]) -> list[Family]:
    """Return the facts of each user and the leaking groups: all groups would be too many series."""
    leaks = Counter(
        (group.user, group.program, group.reason, str(group.severity))
        for group in groups
        if group.is_leak
        for _ in group.pids
    )
    return [
        (
            "process_hardening_secrets_exposed",
            "Known secrets that are readable, counted once per program, by who can get them.",
            [
                ({"user": facts.user, "open_to": reader}, float(getattr(facts, reader)))
                for facts in measure_users(groups)
                for reader in READERS
            ],
        ),
        (
            "process_hardening_leaks",
            "Processes with a secret that others can read, or that something already reads.",
            [
                (
                    {"user": user, "program": program, "reason": reason, "severity": severity},
                    float(number),
                )
                for (user, program, reason, severity), number in sorted(leaks.items())
            ],
        ),
    ]
