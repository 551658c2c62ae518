"""The registry of findings, explain, and the page that is made of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import support
from posture.zoo import COMMAND
from process_hardening.audit.rules.registry import REGISTRY, SEVERITIES

DOCS = Path(__file__).parents[2] / "docs"


def test_every_finding_is_complete() -> None:
    """An id of its own, a known severity, and words for each field."""
    for key, kind in REGISTRY.items():
        assert key == kind.id
        assert re.fullmatch(r"PH\d{3}", key)
        assert kind.severity in SEVERITIES
        assert kind.scope == ("process" if key < "PH100" else "host")
        for text in (kind.title, kind.why, kind.fix, kind.source):
            assert len(text) > 5, key
        assert not kind.title.endswith(".")


def test_every_finding_is_used() -> None:
    """Each is found somewhere, and nothing is found that is not in the registry."""
    source = Path(__file__).parents[2] / "src/process_hardening/posture"
    text = "".join(p.read_text() for p in source.glob("*.py") if p.name != "registry.py")
    assert set(re.findall(r'"(PH\d{3})"', text)) == set(REGISTRY)


def test_the_page_is_made_of_the_registry() -> None:
    """docs/findings.md is what `explain --markdown` prints."""
    done = support.run([COMMAND, "explain", "--markdown"])
    assert done.stdout == (DOCS / "findings.md").read_text()


def test_explain() -> None:
    """One, several, all; an unknown one is an error."""
    one = support.run([COMMAND, "explain", "PH001"])
    assert one.returncode == 0
    kind = REGISTRY["PH001"]
    for text in (kind.title, kind.why, kind.fix, kind.source):
        assert text in one.stdout
    two = support.run([COMMAND, "explain", "ph001", "PH114"])
    assert REGISTRY["PH114"].title in two.stdout
    everything = support.run([COMMAND, "explain"])
    assert all(key in everything.stdout for key in REGISTRY)
    unknown = support.run([COMMAND, "explain", "PH999"])
    assert (unknown.returncode, unknown.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize("page", ["audit.md", "doctor.md"])
def test_the_pages_name_only_what_exists(page: str) -> None:
    """Ids in the documents are in the registry, and the options that they show exist."""
    text = (DOCS / page).read_text()
    assert set(re.findall(r"\bPH\d{3}\b", text)) <= set(REGISTRY)
    shown = support.run([COMMAND, page.removesuffix(".md"), "--help"]).stdout
    for option in set(re.findall(r"`(--[a-z-]+)", text)):
        assert option in shown, option
