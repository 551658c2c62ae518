"""What audit and doctor look for. An audit loads only the rules about processes."""

from __future__ import annotations

from process_hardening.audit.rules import process
from process_hardening.audit.rules.model import Finding, ProcessCase, rank

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from process_hardening.audit.rules.tables import HOST_RULES as HOST_RULES
    from process_hardening.audit.rules.tables import RULES as RULES
    from process_hardening.audit.rules.tables import TOPICS as TOPICS
    from process_hardening.audit.rules.tables import judge_host as judge_host
    from process_hardening.audit.rules.tables import judge_topic as judge_topic

PROCESS_RULES = process.RULES
"""What audit looks for in each process."""


def __getattr__(name: str) -> object:
    """Load the rules about the host on first use: they take longer to load than the others."""
    if name not in ("HOST_RULES", "RULES", "TOPICS", "judge_host", "judge_topic"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from process_hardening.audit.rules import tables

    return getattr(tables, name)


def judge_process(case: ProcessCase) -> tuple[Finding, ...]:
    """Return the findings of one process, worst first."""
    if not case.posture.has_memory:
        return ()
    found = [finding for rule in PROCESS_RULES if (finding := rule.judge(case))]
    found.sort(key=lambda finding: -rank(finding.severity))
    return tuple(found)
