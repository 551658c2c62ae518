"""Attach as a debugger without stopping the target first, and read.

Type: debugger
API: ptrace(PTRACE_SEIZE), ptrace(PTRACE_INTERRUPT), ptrace(PTRACE_PEEKDATA)
Needs: the same user; with Yama a ptrace_scope of 0, or the target's consent
Refused looks like: EPERM from PTRACE_SEIZE
"""

from __future__ import annotations

from process_hardening.verify.attacks.builtin.reading import nothing_needed, peek_all
from process_hardening.verify.lab.kernel import (
    PTRACE_INTERRUPT,
    PTRACE_SEIZE,
    detach,
    ptrace,
    wait_for_stop,
)
from process_hardening.verify.model import BUILT_IN, READS, Attack, Attempt, Target


def run(target: Target) -> Attempt:
    """Seize, interrupt, read where the secrets are, detach."""
    ptrace(PTRACE_SEIZE, "PTRACE_SEIZE", target.pid)
    ptrace(PTRACE_INTERRUPT, "PTRACE_INTERRUPT", target.pid)
    wait_for_stop(target.pid)
    try:
        return peek_all(target)
    finally:
        detach(target.pid)


ATTACK = Attack(
    name="ptrace-seize",
    kind=BUILT_IN,
    summary="seize as a debugger, read memory, detach",
    effect=READS,
    command="ptrace(PTRACE_SEIZE, PID); ptrace(PTRACE_PEEKDATA, PID, ADDRESS)",
    needs=nothing_needed,
    run=run,
)
