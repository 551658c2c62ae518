"""A child attacks its parent: a plug-in, a compiler or a package script that a program starts.

main() is the child, which reads the secrets to look for from standard input, attacks its parent
and prints the attempt as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict

from process_hardening.separate import isolated_python
from process_hardening.verify.attacks.ptrace import attach_and_read
from process_hardening.verify.attacks.reading import (
    PTRACE_ACCESS,
    find_nothing_missing,
    read_memory_file,
)
from process_hardening.verify.model import BUILT_IN, CHANGES, Attack, Attempt, Target


def attack_from_child(target: Target) -> Attempt:
    """Make the target start a child, with an empty environment, that attacks its parent."""
    victim = target.victim
    assert victim is not None
    request = {
        "argv": isolated_python(__name__),
        "input": {
            "needles": {place: needle.decode() for place, needle in target.needles.items()},
            "addresses": dict(target.addresses),
        },
    }
    answer = victim.ask("child", json.dumps(request), seconds=4.0)
    if not answer:
        return Attempt(False, "the child did not report")
    fields = json.loads(answer)
    return Attempt(**{**fields, "places": tuple(fields["places"])})


def attack_parent() -> Attempt:
    """In the child: attack the parent as described on standard input."""
    known = json.load(sys.stdin)
    target = Target(
        pid=os.getppid(),
        needles={place: text.encode() for place, text in known["needles"].items()},
        addresses=known["addresses"],
        folder="/",
    )
    attempt = Attempt(False, "not tried")
    for run in (read_memory_file, attach_and_read):
        try:
            attempt = run(target)
        except OSError as error:
            attempt = Attempt(False, f"{error.filename}: {error.strerror}", error.errno)
        if attempt.leaked:
            break
    return attempt


ATTACKS = (
    Attack(
        name="child",
        kind=BUILT_IN,
        summary="a child process attacks its parent",
        type="relation",
        targets="a process that starts untrusted programs",
        requires=PTRACE_ACCESS,
        refusal="EACCES from open, EPERM from PTRACE_ATTACH",
        effect=CHANGES,
        command='in a child: open("/proc/PPID/mem"); ptrace(PTRACE_ATTACH, PPID)',
        find_missing=find_nothing_missing,
        run=attack_from_child,
        own_victim=True,
        repeats=True,
    ),
)


def main() -> None:
    """Print the child's attempt."""
    print(json.dumps(asdict(attack_parent())))
