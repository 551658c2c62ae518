"""Read another process's memory by the call made for that.

Type: memory
API: process_vm_readv
Needs: the same user; with Yama a ptrace_scope of 0, or the target's consent
Refused looks like: EPERM
"""

from __future__ import annotations

from process_hardening.verify.lab import kernel
from process_hardening.verify.attacks.builtin.reading import nothing_needed, read_all
from process_hardening.verify.model import BUILT_IN, READS, Attack, Attempt, Target


def run(target: Target) -> Attempt:
    """Read where the secrets are."""
    return read_all(
        target, lambda address, length: kernel.process_vm_readv(target.pid, address, length)
    )


ATTACK = Attack(
    name="process-vm-readv",
    kind=BUILT_IN,
    summary="read memory with process_vm_readv",
    effect=READS,
    command="process_vm_readv(PID, ADDRESS)",
    needs=nothing_needed,
    run=run,
)
