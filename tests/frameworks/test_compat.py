"""What the documentation says of real programs is what `make compat` found."""

from __future__ import annotations

import sys
from pathlib import Path

import support

ROOT = Path(__file__).resolve().parents[2]


def test_the_document_shows_the_results() -> None:
    """The table in the document is the table of the results file."""
    result = support.run([sys.executable, str(ROOT / "compat" / "compat.py"), "--table"])
    assert result.returncode == 0, result.stderr
    assert result.stdout in (ROOT / "docs" / "compatibility.md").read_text()


def test_an_unknown_program_is_named() -> None:
    """Nothing is run."""
    result = support.run([sys.executable, str(ROOT / "compat" / "compat.py"), "emacs"])
    assert (result.returncode, result.stderr) == (1, "compat.py: no such program: emacs\n")
