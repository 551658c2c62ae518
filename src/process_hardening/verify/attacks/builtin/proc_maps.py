"""Learn from a process's memory map where its secrets are: what undoes address randomisation.

Type: /proc
API: open("/proc/PID/maps"), read
Needs: the same user
Refused looks like: EACCES from open
"""

from __future__ import annotations

from process_hardening.verify.attacks.builtin.reading import nothing_needed
from process_hardening.verify.lab.kernel import regions
from process_hardening.verify.model import BUILT_IN, READS, Attack, Attempt, Target


def run(target: Target) -> Attempt:
    """Read the map: a leak when it shows the region of a secret, or any where none is told."""
    with open(f"/proc/{target.pid}/maps", "rb") as file:
        found = list(regions(file.read()))
    said = f"read {len(found)} regions"
    if not target.addresses:
        return Attempt(bool(found), said, places=tuple(target.needles) if found else ())
    places = tuple(
        place
        for place, address in target.addresses.items()
        if place in target.needles and any(start <= address < end for start, end in found)
    )
    return Attempt(bool(places), said, places=places)


ATTACK = Attack(
    name="proc-maps",
    kind=BUILT_IN,
    summary="learn from /proc/PID/maps where the secrets are",
    effect=READS,
    command='open("/proc/PID/maps"); read()',
    needs=nothing_needed,
    run=run,
)
