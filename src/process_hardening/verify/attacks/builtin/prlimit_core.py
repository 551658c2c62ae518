"""Raise the soft core limit that a process had lowered, then crash it.

Type: core dump
API: prlimit(RLIMIT_CORE), kill(SIGSEGV)
Needs: kernel.core_pattern writes files, or may be set; a hard core limit above 0
Refused looks like: EPERM from prlimit, for the hard limit is 0 too
"""

from __future__ import annotations

import resource
import signal

from process_hardening.verify.attacks.builtin.dumping import crash, needs_file
from process_hardening.verify.model import BUILT_IN, KILLS, Attack, Attempt, Target


def run(target: Target) -> Attempt:
    """Raise the limit as far as its own hard limit lets us; crash it whether that worked or not."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    refused: OSError | None = None
    try:
        resource.prlimit(target.pid, resource.RLIMIT_CORE, (hard, hard))
    except (PermissionError, ValueError) as error:  # Python makes a ValueError of EPERM
        refused = PermissionError(1, f"Operation not permitted ({error})")
    attempt = crash(target, signal.SIGSEGV)
    if refused is None or attempt.leaked:
        return attempt
    said = f"prlimit(RLIMIT_CORE): Operation not permitted; {attempt.said}"
    return Attempt(False, said, refused.errno)


ATTACK = Attack(
    name="prlimit-core",
    kind=BUILT_IN,
    summary="raise its core limit, crash it, read the core",
    effect=KILLS,
    command="prlimit(PID, RLIMIT_CORE, hard limit); kill(PID, SIGSEGV); read the core",
    needs=needs_file,
    run=run,
    core_pattern="file",
    soft_core_limit=True,
    timeout=12.0,
)
