"""JSON with stable keys, for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from process_hardening.verify.model import (
    Attack,
    AttackResult,
    Observation,
    Verification,
    VictimResult,
)

SCHEMA = 1


def _observation(observation: Observation | None, command: str) -> dict[str, Any]:
    if observation is None:
        return {}
    return {
        "command": command,
        "places": list(observation.places),
        "errno": observation.errno,
        "answers": observation.answers,
        "seconds": observation.seconds,
    }


def _victim(result: VictimResult, command: str) -> dict[str, Any]:
    return {
        "outcome": result.outcome,
        "evidence": result.evidence,
        "known_limit": result.known_limit,
        **_observation(result.observation, command),
    }


def _attack(attack: AttackResult) -> dict[str, Any]:
    return {
        "name": attack.name,
        "kind": attack.kind,
        "summary": attack.summary,
        "command": attack.command,
        "kills": attack.kills,
        "control": attack.control,
        "detail": attack.detail,
        "control_run": _observation(attack.observation, attack.command),
        "victims": {
            name: _victim(result, attack.command) for name, result in attack.victims.items()
        },
    }


def as_dict(verification: Verification) -> dict[str, Any]:
    """The verification as plain values; never a canary."""
    return {
        "schema": SCHEMA,
        "environment": verification.environment,
        "victims": list(verification.victims),
        "attacks": [_attack(attack) for attack in verification.attacks],
        "notes": list(verification.notes),
        "seconds": verification.seconds,
        "exit_code": verification.exit_code,
    }


def render_list(attacks: Sequence[Attack]) -> str:
    """The attacks as JSON; `needs` is what is missing here, or null."""
    entries = [
        {
            "name": attack.name,
            "kind": attack.kind,
            "summary": attack.summary,
            "type": attack.type,
            "targets": attack.targets,
            "requires": attack.requires,
            "refusal": attack.refusal,
            "command": attack.command,
            "effect": attack.effect,
            "needs": attack.find_missing(),
        }
        for attack in attacks
    ]
    return json.dumps({"schema": SCHEMA, "attacks": entries}, indent=2)


def render(verification: Verification) -> str:
    """The verification as JSON."""
    return json.dumps(as_dict(verification), indent=2)
