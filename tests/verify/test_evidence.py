"""The committed evidence says what the project promises."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs/SPEC-OPS-004-integrated-coder-hooks/evidence/commands/SYNC-002"
RECORDS = sorted(FOLDER.glob("verify-*.json"))


def test_there_is_a_record() -> None:
    """Of verify, and of the specification's validation commands, each as expected."""
    assert RECORDS
    lines = (FOLDER / "validation.txt").read_text().splitlines()
    commands = [line for line in lines if line.startswith("$ ")]
    assert len(commands) >= 4
    assert lines.count("as expected") == len(commands)


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.name)
def test_a_record(path: Path) -> None:
    """What leaked from the control did not leak from an execute-only image."""
    text = path.read_text()
    assert not re.search("/(home|root)/", text)
    told = json.loads(text)
    assert told["commit"]
    assert not told["commit"].endswith("-dirty")
    leaking = [attack for attack in told["attacks"] if attack["control"] == "leaked"]
    assert len(leaking) >= 20
    assert sum(attack["kind"] == "tool" for attack in leaking) >= 8
    for attack in leaking:
        outcomes = {name: victim["outcome"] for name, victim in attack["victims"].items()}
        assert outcomes["execute-only"] == "blocked"
        assert outcomes["in-process"] == "blocked" or attack["name"] == "launch-window"
