"""Read the memory file of a process.

Type: /proc
API: open("/proc/PID/mem"), pread
Needs: the same user; with Yama a ptrace_scope of 0, or the target's consent
Refused looks like: EACCES from open
"""

from __future__ import annotations

from process_hardening.verify.attacks.builtin.reading import nothing_needed, read_memory_file
from process_hardening.verify.model import BUILT_IN, READS, Attack, Attempt, Target


def run(target: Target) -> Attempt:
    """Open the file and read where the secrets are."""
    return read_memory_file(target)


ATTACK = Attack(
    name="proc-mem",
    kind=BUILT_IN,
    summary="read /proc/PID/mem",
    effect=READS,
    command='open("/proc/PID/mem"); pread(ADDRESS)',
    needs=nothing_needed,
    run=run,
)
