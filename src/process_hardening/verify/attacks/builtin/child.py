"""A child attacks its parent: a plug-in, a compiler or a package script that a program starts.

Type: relation
API: open("/proc/PPID/mem"), ptrace(PTRACE_ATTACH)
Needs: the same user; with Yama a ptrace_scope of 0, or the target's consent
Refused looks like: EACCES from open, EPERM from PTRACE_ATTACH
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys

from process_hardening.verify.attacks.builtin.reading import nothing_needed
from process_hardening.verify.model import BUILT_IN, CHANGES, Attack, Attempt, Target


def run(target: Target) -> Attempt:
    """Have the target start a child with an empty environment, which attacks it."""
    victim = target.victim
    assert victim is not None
    question = {
        "argv": [sys.executable, "-m", __name__],
        "input": {
            "needles": {place: needle.decode() for place, needle in target.needles.items()},
            "addresses": dict(target.addresses),
        },
    }
    answer = victim.ask("child", json.dumps(question), seconds=4.0)
    if not answer:
        return Attempt(False, "the child did not report")
    told = json.loads(answer)
    return Attempt(**{**told, "places": tuple(told["places"])})


def attack_parent() -> Attempt:
    """In the child: what was told on standard input, on the parent."""
    from process_hardening.verify.attacks.builtin import proc_mem, ptrace_attach

    told = json.load(sys.stdin)
    target = Target(
        pid=os.getppid(),
        needles={place: text.encode() for place, text in told["needles"].items()},
        addresses=told["addresses"],
        folder="/",
    )
    attempt = Attempt(False, "not tried")
    for attack in (proc_mem, ptrace_attach):
        try:
            attempt = attack.run(target)
        except OSError as error:
            attempt = Attempt(False, f"{error.filename}: {error.strerror}", error.errno)
        if attempt.leaked:
            break
    return attempt


ATTACK = Attack(
    name="child",
    kind=BUILT_IN,
    summary="a child of the process attacks it",
    effect=CHANGES,
    command='in a child: open("/proc/PPID/mem"); ptrace(PTRACE_ATTACH, PPID)',
    needs=nothing_needed,
    run=run,
    own_victim=True,
)

if __name__ == "__main__":
    print(json.dumps(dataclasses.asdict(attack_parent())))
