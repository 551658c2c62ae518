"""Read the environment of a process.

Type: /proc
API: open("/proc/PID/environ"), read
Needs: the same user
Refused looks like: EACCES from open
"""

from __future__ import annotations

from process_hardening.verify.attacks.builtin.reading import nothing_needed
from process_hardening.verify.model import BUILT_IN, READS, Attack, Attempt, Target


def run(target: Target) -> Attempt:
    """Read the file and look for the secret in it."""
    with open(f"/proc/{target.pid}/environ", "rb") as file:
        data = file.read()
    places = target.found_in(data)
    return Attempt(bool(places), f"read {len(data)} bytes", places=places)


ATTACK = Attack(
    name="proc-environ",
    kind=BUILT_IN,
    summary="read /proc/PID/environ",
    effect=READS,
    command='open("/proc/PID/environ"); read()',
    needs=nothing_needed,
    run=run,
)
