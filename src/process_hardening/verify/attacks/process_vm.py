"""Read and write another process's memory with process_vm_readv and process_vm_writev."""

from __future__ import annotations

from process_hardening.verify.attacks.reading import (
    PTRACE_ACCESS,
    find_nothing_missing,
    read_spans,
)
from process_hardening.verify.lab import kernel
from process_hardening.verify.model import BUILT_IN, CHANGES, READS, Attack, Attempt, Target

_TEXT = "changed!!"  # of the same length as the marker


def read_memory(target: Target) -> Attempt:
    """Read the memory where the secrets may be."""
    return read_spans(
        target, lambda address, length: kernel.process_vm_readv(target.pid, address, length)
    )


def overwrite_marker(target: Target) -> Attempt:
    """Overwrite a marker: an attacker who can do that can make the target disclose anything.

    The attack has succeeded if the target itself reports the new text.
    """
    victim = target.victim
    assert victim is not None
    kernel.process_vm_writev(target.pid, victim.report["marker"], _TEXT.encode())
    marker = victim.ask("marker")
    return Attempt(marker == _TEXT, f"the target's marker is now {marker!r}", places=("marker",))


ATTACKS = (
    Attack(
        name="process-vm-readv",
        kind=BUILT_IN,
        summary="read memory with process_vm_readv",
        type="memory",
        targets="any process",
        requires=PTRACE_ACCESS,
        refusal="EPERM from process_vm_readv",
        effect=READS,
        command="process_vm_readv(PID, ADDRESS)",
        find_missing=find_nothing_missing,
        run=read_memory,
    ),
    Attack(
        name="process-vm-writev",
        kind=BUILT_IN,
        summary="overwrite memory with process_vm_writev",
        type="memory",
        targets="any process",
        requires=PTRACE_ACCESS,
        refusal="EPERM from process_vm_writev",
        effect=CHANGES,
        command="process_vm_writev(PID, ADDRESS)",
        find_missing=find_nothing_missing,
        run=overwrite_marker,
        own_victim=True,
    ),
)
