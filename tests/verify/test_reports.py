"""The reports: they say the same, and nothing in them commands a terminal or a browser."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

import support
from process_hardening.verify.model import BUILT_IN
from process_hardening.verify.render import evidence
from process_hardening.verify.render import html
from process_hardening.verify.render import junit
from process_hardening.verify.render import markdown
from process_hardening.verify.render import text
from process_hardening.verify.render import json as json_reporter
from process_hardening.verify.run import AttackResult, Judged, Observed, Verification

HOSTILE = "\x1b[31m\r\n<script>alert(1)</script> | `x` \x00 \u202e"
SEEN = Observed(said=HOSTILE, answers=True, refused=True)
FACTS = {
    "kernel": "6.1",
    "libc": "glibc",
    "python": "3",
    "uid": 1,
    "container_root": False,
    "time": "2026-01-02T03:04:05+00:00",
    "sysctl": {"kernel.core_pattern": HOSTILE},
}
MADE_UP = Verification(
    environment=FACTS,
    victims=("good", "bad", "known", "unclear"),
    attacks=(
        AttackResult(
            "peek",
            BUILT_IN,
            "peeks",
            "peek(PID)",
            "leaked",
            HOSTILE,
            observed=SEEN,
            victims={
                "good": Judged("blocked", HOSTILE, None, SEEN),
                "bad": Judged("leaked", HOSTILE, None, SEEN),
                "known": Judged("leaked", HOSTILE, f"why {HOSTILE}", SEEN),
                "unclear": Judged("inconclusive", HOSTILE, None, SEEN),
            },
        ),
        AttackResult("poke", BUILT_IN, "pokes", "poke(PID)", "unavailable", HOSTILE),
    ),
    notes=(HOSTILE,),
)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202e]")


@pytest.mark.parametrize("width", [None, 200, 80, 30])
def test_text_cannot_command_the_terminal(width: int | None) -> None:
    """Whatever a tool said, its control characters are shown, not sent."""
    shown = text.render(MADE_UP, width)
    assert not _CONTROLS.search(shown)
    assert r"\x1b[31m" in shown
    for word in ("blocked", "LEAKED", "leaked*", "inconclusive", "unavailable"):
        assert word in shown


def test_text_is_folded_to_the_terminal() -> None:
    """On a wide terminal no line is longer than it."""
    assert max(map(len, text.render(MADE_UP, 120).splitlines())) <= 120


def test_markdown_is_escaped() -> None:
    """Every row has as many cells as the header, and no markup gets through."""
    shown = markdown.render(MADE_UP)
    assert not _CONTROLS.search(shown)
    assert "<script" not in shown
    rows = [
        line for line in shown.splitlines() if line.startswith(("| peek", "| poke", "| attack"))
    ]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {8}


def test_junit() -> None:
    """A suite a victim; only what leaked without being documented fails."""
    root = ElementTree.fromstring(junit.render(MADE_UP))  # noqa: S314 -- our own
    failures = {suite.get("name"): suite.get("failures") for suite in root}
    assert failures == {"good": "0", "bad": "1", "known": "0", "unclear": "0"}
    assert {suite.get("tests") for suite in root} == {"2"}


def test_html_is_one_safe_page() -> None:
    """Nothing is loaded, nothing runs, and signs and words tell what colours tell."""
    support.module("jinja2")
    shown = html.render(MADE_UP)
    assert not _CONTROLS.search(shown)
    assert "<script" not in shown
    assert not re.search(r"(src|href)=", shown)
    for sign, word in (("✓", "blocked"), ("✗", "LEAKED"), ("✱", "leaked*"), ("?", "inconclusive")):
        assert f"<i>{sign}</i> <span>{word}</span>" in shown


def test_json_keys() -> None:
    """The keys of DESIGN.md are there."""
    told = json.loads(json_reporter.render(MADE_UP))
    assert told["schema"] == 1
    assert told["victims"] == ["good", "bad", "known", "unclear"]
    peek = told["attacks"][0]
    assert (peek["name"], peek["kind"], peek["control"]) == ("peek", "built-in", "leaked")
    assert peek["victims"]["good"]["outcome"] == "blocked"
    assert peek["victims"]["good"]["evidence"] == HOSTILE
    assert told["exit_code"] == 1


def test_list_as_json(command: str) -> None:
    """The attacks with what they need."""
    told = json.loads(support.run([command, "verify", "--list", "--json"]).stdout)
    assert len(told["attacks"]) >= 20


def test_files_and_evidence(command: str, tmp_path: Path) -> None:
    """One run writes all reports, and a dated record without a secret."""
    argv = [command, "verify", "--attack", "proc-mem", "--attack", "core-abort"]
    for name in ("junit", "markdown"):
        argv += [f"--{name}", str(tmp_path / name)]
    result = support.run([*argv, "--evidence", str(tmp_path / "evidence" / "new")])
    assert result.returncode == 0, result.stdout + result.stderr
    ElementTree.parse(tmp_path / "junit")  # noqa: S314 -- our own
    assert (tmp_path / "markdown").read_text().startswith("# process-hardening verify")
    (record,) = (tmp_path / "evidence" / "new").iterdir()
    assert re.fullmatch(r"verify-\d{4}-\d\d-\d\dT\d{6}Z\.json", record.name)
    told = json.loads(record.read_text())
    assert {"commit", "tools", "environment", "attacks"} <= set(told)
    head = support.run(["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"])
    commit = head.stdout.strip() or None  # the wheel was built from this checkout, if it is one
    assert (told["commit"] and told["commit"].removesuffix("-dirty")) == commit
    assert {"kernel", "libc", "python", "version", "sysctl"} <= set(told["environment"])
    for attack in told["attacks"]:
        for cell in attack["victims"].values():
            assert {"command", "errno", "seconds", "outcome"} <= set(cell)
    for place in ("heap-", "text-", "stack-", "environment-"):
        assert place not in record.read_text()


def test_the_record_is_for_a_reviewer() -> None:
    """It is the JSON of the run, and where the package came from."""
    told = evidence.record(MADE_UP)
    assert told["attacks"] == json_reporter.as_dict(MADE_UP)["attacks"]
