"""Renders JSON with stable keys, for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from process_hardening.verify.conclusion import Change, Comparison, headline
from process_hardening.verify.model import (
    SCHEMA,
    Attack,
    AttackResult,
    Observation,
    Verification,
    VictimResult,
)


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
    """Return the verification as plain values, without canaries."""
    return {
        "schema": SCHEMA,
        "headline": headline(verification),
        "environment": verification.environment,
        "victims": list(verification.victims),
        "process": asdict(verification.process) if verification.process else None,
        "attacks": [_attack(attack) for attack in verification.attacks],
        "notes": list(verification.notes),
        "seconds": verification.seconds,
        "exit_code": verification.exit_code,
    }


def render_list(attacks: Sequence[Attack]) -> str:
    """Render the attacks as JSON; `needs` is what is missing here, or null."""
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


def _change(change: Change) -> dict[str, str]:
    return {
        "attack": change.attack,
        "victim": change.victim,
        "before": change.before,
        "now": change.now,
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "time": comparison.earlier.time,
        "host": comparison.earlier.host,
        "kernel": comparison.earlier.kernel,
        **{name: list(map(_change, changes)) for name, changes in comparison.parts.items()},
        "unchanged": comparison.unchanged,
    }


def render(verification: Verification, comparison: Comparison | None = None) -> str:
    """Render the verification as JSON, with `compared_with` if there is a comparison."""
    values = as_dict(verification)
    if comparison:
        values["compared_with"] = _comparison(comparison)
    return json.dumps(values, indent=2)
