"""One wheel for every Python: installed and used with each that is found here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import support

ROOT = Path(__file__).resolve().parents[2]


OTHERS = [minor for minor in (10, 11, 12, 13) if minor != sys.version_info[1]]
"""All other tests use the wheel with the Python that runs them."""


@pytest.mark.parametrize("minor", OTHERS)
def test_the_wheel_works_with_this_python(minor: int) -> None:
    """Import, harden, read back: the same from oldest to newest; `make pythons` has more."""
    matrix = [sys.executable, "-m", "tools.pythons"]
    result = support.run([*matrix, f"CPython 3.{minor}"], cwd=ROOT)
    if result.returncode == 2:
        support.fail_or_skip(f"CPython 3.{minor}")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "_process_hardening.abi3.so" in result.stdout


def test_a_python_that_is_too_old_is_refused(tmp_path: Path) -> None:
    """Pip says so instead of installing what could not be loaded."""
    (wheel,) = (ROOT / "build" / "wheel").glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q"]
    version = ["--no-index", "--no-deps", "--python-version=3.9", "--only-binary=:all:"]
    result = support.run([*pip, *version, "--target", str(tmp_path), str(wheel)])
    assert result.returncode != 0
    refusals = ("not a supported wheel", "requires a different Python")
    assert any(refusal in result.stderr for refusal in refusals)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_name_is_a_usage_error() -> None:
    """It says which names there are."""
    result = support.run([sys.executable, "-m", "tools.pythons", "CPython 2.7"], cwd=ROOT)
    assert result.returncode == 2
    assert "no such interpreter: CPython 2.7; known: CPython 3.10;" in result.stderr
