"""JSON with stable keys, for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from process_hardening.verify.model import Attack
from process_hardening.verify.run import AttackResult, Judged, Observed, Verification

SCHEMA = 1


def _observed(observed: Observed | None) -> dict[str, Any]:
    if observed is None:
        return {}
    return {
        "command": observed.command,
        "places": list(observed.places),
        "errno": observed.errno,
        "answers": observed.answers,
        "seconds": observed.seconds,
    }


def _judged(judged: Judged) -> dict[str, Any]:
    return {
        "outcome": judged.outcome,
        "evidence": judged.evidence,
        "known_limit": judged.known_limit,
        **_observed(judged.observed),
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
        "control_run": _observed(attack.observed),
        "victims": {name: _judged(judged) for name, judged in attack.victims.items()},
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
    """The attacks as JSON; needs is null where an attack can be tried here."""
    entries = [
        {
            "name": attack.name,
            "kind": attack.kind,
            "summary": attack.summary,
            "command": attack.command,
            "effect": attack.effect,
            "needs": attack.needs(),
        }
        for attack in attacks
    ]
    return json.dumps({"schema": SCHEMA, "attacks": entries}, indent=2)


def render(verification: Verification) -> str:
    """The verification as JSON."""
    return json.dumps(as_dict(verification), indent=2)
