"""The style and the types of the whole tree: what `make lint` says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import support

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "command",
    [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]],
    ids=" ".join,
)
def test_nothing_is_left_to_say(command: list[str]) -> None:
    """A tool that finds something prints it."""
    result = support.run([sys.executable, "-m", *command], cwd=ROOT, timeout=180)
    assert result.returncode == 0, result.stdout + result.stderr
