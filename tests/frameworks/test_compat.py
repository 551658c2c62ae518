"""What the documentation says of real programs is what `make compat` found."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import support

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "compat-results.json"


def test_the_document_shows_the_results() -> None:
    """The table in the document is the table of the results file."""
    result = support.run([sys.executable, str(ROOT / "compat" / "compat.py"), "--table"])
    assert result.returncode == 0, result.stderr
    assert result.stdout in (ROOT / "docs" / "compatibility.md").read_text()


def test_every_difference_is_explained() -> None:
    """Each program did its work without us; one that does something else has a reason."""
    for one in json.loads(RESULTS.read_text())["programs"]:
        assert one["plain"]["status"] == 0, one["name"]
        assert one["same"] or one["why"] != "not explained yet", one["name"]


def test_an_unknown_program_is_named() -> None:
    """Nothing is run."""
    result = support.run([sys.executable, str(ROOT / "compat" / "compat.py"), "emacs"])
    assert (result.returncode, result.stderr) == (1, "compat.py: no such program: emacs\n")
