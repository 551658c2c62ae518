"""What audit looks for in processes. tables.py adds what doctor looks for, which loads more."""

from __future__ import annotations

from process_hardening.audit.rules import process
from process_hardening.audit.rules.model import Finding, ProcessCase, rank

PROCESS_RULES = process.RULES
"""What audit looks for in each process."""


def judge_process(case: ProcessCase) -> tuple[Finding, ...]:
    """Return the findings of one process, worst first."""
    if not case.posture.has_memory:
        return ()
    found = [finding for rule in PROCESS_RULES if (finding := rule.judge(case))]
    found.sort(key=lambda finding: -rank(finding.severity))
    return tuple(found)
