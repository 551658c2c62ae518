"""Judge observations. Pure: an attack is blocked only beside a control that leaked."""

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
_INJECTED = (
    "the loader maps the library before the first line of the program runs; execute-only, preload"
    " and reexec start without it"
)
KNOWN_LIMITS: Mapping[tuple[str, str], str] = {
    ("launch-window", "pre-main"): _WINDOW,
    ("launch-window", "preload"): _WINDOW,
    ("launch-window", "in-process"): _WINDOW,
    ("ld-preload", "pre-main"): _INJECTED,
    ("ld-audit", "pre-main"): _INJECTED,
}
"""What hardening from inside cannot stop, and why: (attack, victim) to reason. Not a failure."""


def explain_no_leak(control: Observation, kind: str, yama: int) -> str:
    """Why an attack got nothing out of the control. yama -- kernel.yama.ptrace_scope."""
    if control.failure:
        return f"not tried: {control.failure}"
    denied = control.errno in (errno.EPERM, errno.EACCES)
    if denied and yama:
        return (
            f"Yama (kernel.yama.ptrace_scope={yama}) denies it for every process: {control.message}"
        )
    if denied:
        return f"this attacker lacks the permission, whatever the target: {control.message}"
    if kind == TOOL:
        return f"the tool does not work here: {control.message}"
    return f"the control did not leak: {control.message}"


def judge_victim(
    attack: Attack, victim: str, control: Observation, hardened: Observation
) -> VictimResult:
    """Compare an attack on a victim with the same attack on the control, which leaked."""
    if hardened.failure:
        return VictimResult(INCONCLUSIVE, hardened.failure, None, hardened)
    if hardened.leaked:
        limit = KNOWN_LIMITS.get((attack.name, victim))
        return VictimResult(LEAKED, hardened.message, limit, hardened)
    if attack.effect != KILLS:
        for name, observation in ((CONTROL, control), (victim, hardened)):
            if not observation.answers:
                reason = f"{name} no longer answers: {observation.message}"
                return VictimResult(INCONCLUSIVE, reason, None, hardened)
    return VictimResult(BLOCKED, hardened.message, None, hardened)


def judge_process(name: str, process: Observation, canary_known: bool) -> VictimResult:
    """Judge an attack on a process that is not ours, which leaked from a control of ours.

    canary_known -- whether a secret is known that it holds; otherwise getting in is a leak
    """
    outcome, evidence = BLOCKED, process.message
    if process.failure:
        outcome, evidence = INCONCLUSIVE, process.failure
    elif not process.answers:
        outcome, evidence = INCONCLUSIVE, f"{name} no longer runs: {process.message}"
    elif process.leaked or not (process.refused or canary_known):
        outcome = LEAKED
    elif not process.refused:
        outcome = INCONCLUSIVE
        evidence = f"the attacker got in but did not find the canary: {process.message}"
    return VictimResult(outcome, evidence, None, process)


def judge_without_control(reason: str, hardened: Observation) -> VictimResult:
    """Judge an attack that did not leak from the control: only a leak counts."""
    if hardened.leaked:
        return VictimResult(LEAKED, hardened.message, None, hardened)
    return VictimResult(INCONCLUSIVE, reason, None, hardened)


def result_for(
    attack: Attack,
    observed: Mapping[str, Observation],
    missing: str | None,
    yama: int,
    canary_known: bool | None = None,
) -> AttackResult:
    """The row of an attack.

    observed -- the observations of the control and of each victim, by name
    missing -- why the attack could not be tried at all, or None
    yama -- kernel.yama.ptrace_scope
    canary_known -- for a process that is not ours: whether a secret is known that it holds
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
    if not control.leaked:
        outcome, detail = INCONCLUSIVE, explain_no_leak(control, attack.kind, yama)
        cells = {name: judge_without_control(detail, seen) for name, seen in victims.items()}
    elif canary_known is None:
        cells = {name: judge_victim(attack, name, control, seen) for name, seen in victims.items()}
    else:
        cells = {name: judge_process(name, seen, canary_known) for name, seen in victims.items()}
    return replace(
        row,
        control=outcome,
        detail=detail,
        observation=control,
        victims=cells,
    )
