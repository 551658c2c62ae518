"""The attacks as files: each says what it is."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

import process_hardening
from process_hardening.verify.attacks import registry
from process_hardening.verify.model import CHANGES, KILLS, LAUNCHES, READS, TOOL

FOLDER = Path(str(process_hardening.__file__)).parent / "attacks"
FILES = [
    path
    for folder in ("builtin", "tools")
    for path in sorted((FOLDER / folder).glob("*.py"))
    if "ATTACK = " in path.read_text()
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_attack_says_what_it_is(path: Path) -> None:
    """The header has the type, what it needs and what a refusal looks like."""
    module = import_module(f"process_hardening.attacks.{path.parent.name}.{path.stem}")
    header = module.__doc__ or ""
    for field in ("Type: ", "Needs: ", "Refused looks like: "):
        assert f"\n{field}" in header, field
    assert header.count("\nAPI: ") + header.count("\nTargets: ") == 1


def test_every_file_is_registered_once() -> None:
    """The registry knows all files, and names are unique."""
    attacks = registry.attacks()
    assert len(attacks) == len(FILES)
    assert len({attack.name for attack in attacks}) == len(attacks)


def test_there_are_enough() -> None:
    """At least 20 attacks, of which at least 8 use tools that we did not write."""
    attacks = registry.attacks()
    assert len(attacks) >= 20
    assert sum(attack.kind == TOOL for attack in attacks) >= 8
    assert {attack.effect for attack in attacks} == {READS, CHANGES, KILLS, LAUNCHES}
