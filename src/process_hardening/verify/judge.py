"""Judges observations: an attack counts as blocked only if it leaked from the control. Pure."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import replace

from process_hardening.verify.model import (
    BLOCKED,
    CONTROL,
    INCONCLUSIVE,
    KILLS,
    LEAKED,
    TOOL,
    UNAVAILABLE,
    Attack,
    AttackResult,
    Observation,
    VictimResult,
)

_WINDOW = (
    "memory opened between exec and hardening stays readable; execute-only and reexec close this"
    " window"
)
_EVENT = (
    "a perf event that was opened before hardening keeps sampling; the kernel removes it when"
    " execute-only or reexec executes an unreadable image"
)
_INJECTED = (
    "the loader maps the library before the first line of the program runs; execute-only, preload"
    " and reexec start without it"
)
_LAUNCHER = (
    "a launcher that its user can read is an ordinary process until it has hardened itself;"
    " `harden` installed by root, or an unreadable interpreter, has no such window"
)
_OWNER = (
    "the owner of the interpreter can make it readable before the next start; an interpreter"
    " owned by root is safe"
)
_EXEC = (
    "exec starts an ordinary program, and hardening from inside does not follow it: start it with"
    " `harden`"
)
_CHILDREN = (
    "a child that executes a program is an ordinary process unless its parent hardens its children"
    " (--children), or the interpreter is unreadable"
)

_INSIDE = ("pre-main", "in-process")
_STARTED = ("execute-only", "preload", "harden-own-name", "harden-memfd", "harden-by-root")
_LIMITS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    # reason, attacks, victims
    (_WINDOW, ("launch-window",), (*_INSIDE, "preload")),
    (_EVENT, ("launch-perf",), (*_INSIDE, "preload")),
    (_INJECTED, ("ld-preload", "ld-audit"), ("pre-main", "interpreter", "interpreter-of-root")),
    (
        _LAUNCHER,
        ("launch-write", "launch-seize", "launch-getfd"),
        ("reexec", "execute-only", "preload", "harden-own-name", "harden-memfd"),
    ),
    (_OWNER, ("launch-chmod",), ("interpreter",)),
    (_EXEC, ("exec-self", "exec-path", "exec-daemon"), ("in-process",)),
    (_CHILDREN, ("exec-daemon",), _STARTED),
    (_CHILDREN, ("worker-spawn", "worker-forkserver"), (*_INSIDE, "reexec", *_STARTED)),
)
KNOWN_LIMITS: Mapping[tuple[str, str], str] = {
    (attack, victim): reason
    for reason, attacks, victims in _LIMITS
    for attack in attacks
    for victim in victims
}
"""Maps (attack, victim) to the reason why this method cannot stop the attack. Such a leak is not a
failure."""


def explain_no_leak(control: Observation, kind: str, yama: int) -> str:
    """Return why an attack got nothing from the control. yama -- kernel.yama.ptrace_scope."""
    if control.failure:
        return f"no result: {control.failure}"
    if control.protected:
        return (
            "the control is hardened itself, by the start-up hook or by an unreadable interpreter:"
            " install process-hardening for another interpreter and run verify with it:"
            f" {control.message}"
        )
    denied = control.errno in (errno.EPERM, errno.EACCES)
    if denied and yama:
        return (
            f"Yama (kernel.yama.ptrace_scope={yama}) denies it for every process: {control.message}"
        )
    if denied:
        return f"this attacker lacks permission for any target: {control.message}"
    if kind == TOOL:
        return f"the tool does not work here: {control.message}"
    return f"the control did not leak: {control.message}"


def judge_victim(
    attack: Attack,
    victim: str,
    control: Observation,
    hardened: Observation,
) -> VictimResult:
    """Compare an attack on a victim with the same attack on the control, which leaked."""
    if hardened.unavailable:
        return VictimResult(UNAVAILABLE, hardened.unavailable, None, hardened)
    if hardened.failure:
        return VictimResult(INCONCLUSIVE, hardened.failure, None, hardened)
    if hardened.failed_closed:
        return VictimResult(BLOCKED, hardened.message, None, hardened)
    if hardened.leaked:
        return _judge_leak(attack, victim, hardened)
    if attack.effect != KILLS:
        for name, observation in ((CONTROL, control), (victim, hardened)):
            if not observation.answers:
                reason = f"{name} no longer responds: {observation.message}"
                return VictimResult(INCONCLUSIVE, reason, None, hardened)
    if hardened.protected is False:
        reason = f"nothing leaked, but {victim} can be read by its user: {hardened.message}"
        return VictimResult(INCONCLUSIVE, reason, None, hardened)
    return VictimResult(BLOCKED, hardened.message, None, hardened)


def _judge_leak(attack: Attack, victim: str, hardened: Observation) -> VictimResult:
    """Return a leak, which may be documented, whatever the control did."""
    limit = KNOWN_LIMITS.get((attack.name, victim))
    return VictimResult(LEAKED, hardened.message, limit, hardened)


def judge_process(name: str, process: Observation, canary_known: bool) -> VictimResult:
    """Judge an attack on an existing process. The same attack has leaked from the control.

    canary_known -- whether a secret in the process is known; if not, getting in counts as a leak
    """
    outcome, evidence = BLOCKED, process.message
    if process.failure:
        outcome, evidence = INCONCLUSIVE, process.failure
    elif not process.answers:
        outcome, evidence = INCONCLUSIVE, f"{name} is no longer running: {process.message}"
    elif process.leaked or not (process.refused or process.empty or canary_known):
        outcome = LEAKED
    elif not process.refused:
        outcome = INCONCLUSIVE
        found = "got no data" if process.empty else "did not find the canary"
        evidence = f"the attacker got in but {found}: {process.message}"
    elif process.protected is False:
        outcome = INCONCLUSIVE
        evidence = f"something other than hardening refused: {process.message}"
    return VictimResult(outcome, evidence, None, process)


def judge_without_control(
    attack: Attack, victim: str, reason: str, hardened: Observation, otherwise: str = INCONCLUSIVE
) -> VictimResult:
    """Judge an attack that did not leak from the control: only a leak counts.

    otherwise -- the outcome if nothing leaked
    """
    if hardened.unavailable:
        return VictimResult(UNAVAILABLE, hardened.unavailable, None, hardened)
    if hardened.leaked:
        return _judge_leak(attack, victim, hardened)
    return VictimResult(otherwise, reason, None, hardened)


def result_for(
    attack: Attack,
    observed: Mapping[str, Observation],
    missing: str | None,
    yama: int,
    canary_known: bool | None = None,
) -> AttackResult:
    """Return the row of the table for an attack.

    observed -- the observations of the control and of each victim, by name
    missing -- why the attack could not be tried at all, or None
    yama -- kernel.yama.ptrace_scope
    canary_known -- whether a secret in the existing process is known; None: not an existing process
    """
    row = AttackResult(
        name=attack.name,
        kind=attack.kind,
        summary=attack.summary,
        command=attack.command,
        control=UNAVAILABLE,
        detail=missing or "",
        kills=attack.effect == KILLS,
    )
    if missing:
        return row
    control = observed[CONTROL]
    victims = {name: seen for name, seen in observed.items() if name != CONTROL}
    outcome, detail = LEAKED, control.message
    if control.unavailable:
        outcome, detail = UNAVAILABLE, control.unavailable
        cells = {
            name: judge_without_control(attack, name, detail, seen, UNAVAILABLE)
            for name, seen in victims.items()
        }
    elif not control.leaked:
        outcome, detail = INCONCLUSIVE, explain_no_leak(control, attack.kind, yama)
        cells = {
            name: judge_without_control(attack, name, detail, seen)
            for name, seen in victims.items()
        }
    elif canary_known is None:
        cells = {name: judge_victim(attack, name, control, seen) for name, seen in victims.items()}
    else:
        cells = {name: judge_process(name, seen, canary_known) for name, seen in victims.items()}
    return replace(
        row,
        control=outcome,
        detail=detail,
        may_be_open=attack.runtimes is not None and control.failure is not None,
        observation=control,
        victims=cells,
    )
