"""OpenMetrics, for the textfile collector of Prometheus' node_exporter.

Only gauges, so that the older Prometheus text format, which the collector reads, is the same.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping

from process_hardening.audit.select import Audit
from process_hardening.audit.rules.registry import REGISTRY
from process_hardening.audit.render.json import readable
from process_hardening.terminal import printable

_VERDICTS = ("hardened", "partial", "exposed", "unknown")

Sample = tuple[Mapping[str, str], float]


def _escaped(value: str) -> str:
    """A label's value: what could command a terminal that shows it is escaped twice."""
    return printable(readable(value)).replace("\\", "\\\\").replace('"', '\\"')


def _family(name: str, text: str, samples: Iterable[Sample]) -> list[str]:
    lines = [f"# TYPE {name} gauge", f"# HELP {name} {text}"]
    for labels, value in samples:
        told = ",".join(f'{label}="{_escaped(content)}"' for label, content in labels.items())
        lines.append(f"{name}{{{told}}} {value:g}" if told else f"{name} {value:g}")
    return lines


def render(audit: Audit, now: float | None = None) -> str:
    """The audit as metrics. Processes are counted by name, never listed by pid.

    now -- seconds since the epoch; default: the present
    """
    verdicts = audit.verdicts()
    by_name = Counter(
        (entry.posture.name, entry.user, entry.posture.verdict)
        for entry in audit.entries
        if entry.posture.has_memory
    )
    by_id = Counter(finding.id for _, finding in audit.findings())
    families: list[tuple[str, str, list[Sample]]] = [
        (
            "process_hardening_processes",
            "Processes by verdict.",
            [({"verdict": verdict}, float(verdicts[verdict])) for verdict in _VERDICTS],
        ),
        (
            "process_hardening_processes_by_name",
            "Processes by name, user and verdict.",
            [
                ({"name": name, "user": user, "verdict": verdict}, float(count))
                for (name, user, verdict), count in sorted(by_name.items())
            ],
        ),
        (
            "process_hardening_findings",
            "Findings by their id; `process-hardening explain ID` tells what each means.",
            [
                ({"id": kind.id, "severity": kind.severity}, float(by_id[kind.id]))
                for kind in REGISTRY.values()
                if kind.scope == "process"
            ],
        ),
        (
            "process_hardening_audit_complete",
            "Whether everything could be seen.",
            [({}, float(audit.is_complete))],
        ),
        (
            "process_hardening_audit_duration_seconds",
            "How long the audit took.",
            [({}, round(audit.seconds, 4))],
        ),
    ]
    lines = [line for family in families for line in _family(*family)]
    name = "process_hardening_audit_timestamp_seconds"
    lines += [f"# TYPE {name} gauge", f"# HELP {name} When the audit was made."]
    lines.append(f"{name} {time.time() if now is None else now:.3f}")
    return "\n".join([*lines, "# EOF"])
