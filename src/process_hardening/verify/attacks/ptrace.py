"""Attach as a debugger and read memory: ptrace(PTRACE_ATTACH) and ptrace(PTRACE_SEIZE)."""

from __future__ import annotations

from collections.abc import Callable

from process_hardening.verify.attacks.reading import (
    PTRACE_ACCESS,
    find_nothing_missing,
    peek_spans,
)
from process_hardening.verify.lab.kernel import (
    PTRACE_ATTACH,
    PTRACE_INTERRUPT,
    PTRACE_SEIZE,
    detach,
    ptrace,
    wait_for_stop,
)
from process_hardening.verify.model import BUILT_IN, READS, Attack, Attempt, Target


def attach_and_read(target: Target) -> Attempt:
    """Attach to the target, which stops it; read its memory; detach."""
    ptrace(PTRACE_ATTACH, "PTRACE_ATTACH", target.pid)
    return _read_stopped(target)


def seize_and_read(target: Target) -> Attempt:
    """Attach without stopping the target, then interrupt it; read its memory; detach."""
    ptrace(PTRACE_SEIZE, "PTRACE_SEIZE", target.pid)
    ptrace(PTRACE_INTERRUPT, "PTRACE_INTERRUPT", target.pid)
    return _read_stopped(target)


def _read_stopped(target: Target) -> Attempt:
    wait_for_stop(target.pid)
    try:
        return peek_spans(target)
    finally:
        detach(target.pid)


def _attack(name: str, verb: str, request: str, run: Callable[[Target], Attempt]) -> Attack:
    return Attack(
        name=name,
        kind=BUILT_IN,
        summary=f"{verb} as a debugger, read memory and detach",
        type="debugger",
        targets="any process",
        requires=PTRACE_ACCESS,
        refusal=f"EPERM from {request}",
        effect=READS,
        command=f"ptrace({request}, PID); ptrace(PTRACE_PEEKDATA, PID, ADDRESS)",
        find_missing=find_nothing_missing,
        run=run,
    )


ATTACKS = (
    _attack("ptrace-attach", "attach", "PTRACE_ATTACH", attach_and_read),
    _attack("ptrace-seize", "seize", "PTRACE_SEIZE", seize_and_read),
)
