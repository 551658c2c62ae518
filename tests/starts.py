"""How tests start programs through the launcher, and what the program `show` says of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import support

FILTERED = str(Path(__file__).parent / "launch" / "programs" / "refused.py")
PREFIX = "process-hardening: "


class Shown:
    """What `show` printed: one value by each name, and lists of those that are printed often."""

    def __init__(self, output: str) -> None:
        self.lines = output.splitlines()

    def values(self, name: str) -> list[str]:
        """All values of a name."""
        return [line.partition(f"{name} ")[2] for line in self.lines if line.startswith(f"{name} ")]

    def value(self, name: str) -> str:
        """The value of a name that is printed once."""
        (value,) = self.values(name)
        return value


def show(argv: Sequence[str], **options: Any) -> Shown:
    """Start a command line that ends in `show` and return what it printed; it must succeed."""
    result = support.run_as_user(argv, **options)
    assert result.returncode == 0, f"{result.returncode}: {result.stdout}{result.stderr}"
    return Shown(result.stdout)


def refusing(*calls: str) -> list[str]:
    """The beginning of a command line for which system calls fail: NAME=ERROR, or NAME=0."""
    return [sys.executable, FILTERED, *calls, "--"]


def refused(result: subprocess.CompletedProcess[str], status: int = 126) -> str:
    """Check that a start was refused with one line and nothing else; returns the line."""
    assert result.returncode == status, f"{result.returncode}: {result.stdout}{result.stderr}"
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith(PREFIX)
    return line
