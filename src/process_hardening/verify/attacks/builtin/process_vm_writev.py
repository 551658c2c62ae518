"""Write into another process's memory: who can do that can make it give away anything.

Type: memory
API: process_vm_writev
Needs: the same user; with Yama a ptrace_scope of 0, or the target's consent
Refused looks like: EPERM
"""

from __future__ import annotations

from process_hardening.verify.lab import kernel
from process_hardening.verify.attacks.builtin.reading import nothing_needed
from process_hardening.verify.model import BUILT_IN, CHANGES, Attack, Attempt, Target

_TEXT = "overwritten"


def run(target: Target) -> Attempt:
    """Overwrite a marker; it counts when the target itself reports the new text."""
    victim = target.victim
    assert victim is not None
    kernel.process_vm_writev(target.pid, victim.hello["marker"], _TEXT.encode())
    marker = victim.ask("marker")
    return Attempt(marker == _TEXT, f"the target's marker is now {marker!r}", places=("marker",))


ATTACK = Attack(
    name="process-vm-writev",
    kind=BUILT_IN,
    summary="overwrite memory with process_vm_writev",
    effect=CHANGES,
    command="process_vm_writev(PID, ADDRESS)",
    needs=nothing_needed,
    run=run,
    own_victim=True,
)
