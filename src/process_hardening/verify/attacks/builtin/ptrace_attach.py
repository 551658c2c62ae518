"""Attach as a debugger and read.

Type: debugger
API: ptrace(PTRACE_ATTACH), ptrace(PTRACE_PEEKDATA), ptrace(PTRACE_DETACH)
Needs: the same user; with Yama a ptrace_scope of 0, or the target's consent
Refused looks like: EPERM from PTRACE_ATTACH
"""

from __future__ import annotations

from process_hardening.verify.attacks.builtin.reading import nothing_needed, peek_all
from process_hardening.verify.lab.kernel import PTRACE_ATTACH, detach, ptrace, wait_for_stop
from process_hardening.verify.model import BUILT_IN, READS, Attack, Attempt, Target


def run(target: Target) -> Attempt:
    """Attach, read where the secrets are, detach."""
    ptrace(PTRACE_ATTACH, "PTRACE_ATTACH", target.pid)
    wait_for_stop(target.pid)
    try:
        return peek_all(target)
    finally:
        detach(target.pid)


ATTACK = Attack(
    name="ptrace-attach",
    kind=BUILT_IN,
    summary="attach as a debugger, read memory, detach",
    effect=READS,
    command="ptrace(PTRACE_ATTACH, PID); ptrace(PTRACE_PEEKDATA, PID, ADDRESS)",
    needs=nothing_needed,
    run=run,
)
