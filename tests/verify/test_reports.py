"""The reports agree, and no text in them controls a terminal or a browser."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

import support
from process_hardening.verify import (
    BUILT_IN,
    AttackResult,
    Observation,
    Verification,
    VictimResult,
    list_attacks,
)
from process_hardening.verify.conclusion import Change, Comparison, Earlier
from process_hardening.verify.judge import KNOWN_LIMITS
from process_hardening.verify.machine import describe_environment
from process_hardening.verify.model import RunningProcess
from process_hardening.verify.plan import plan_victims
from process_hardening.verify.render import evidence, html, junit, text
from process_hardening.verify.render import json as json_report

HOSTILE = "\x1b[31m\r\n<script>alert(1)</script> | `x` \x00 \u202e"
SEEN = Observation(message=HOSTILE, refused=True, answers=True)
FACTS = {
    "host": HOSTILE,
    "kernel": "6.1",
    "libc": "glibc",
    "python": "3",
    "uid": 1,
    "container_root": False,
    "landlock": 7,
    "confined": False,
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
            observation=SEEN,
            victims={
                "good": VictimResult("blocked", HOSTILE, None, SEEN),
                "bad": VictimResult("leaked", HOSTILE, None, SEEN),
                "known": VictimResult("leaked", HOSTILE, f"why {HOSTILE}", SEEN),
                "unclear": VictimResult("inconclusive", HOSTILE, None, SEEN),
            },
        ),
        AttackResult("poke", BUILT_IN, "pokes", "poke(PID)", "unavailable", HOSTILE),
    ),
    notes=(HOSTILE,),
)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202e]")


@pytest.mark.parametrize("width", [None, 200, 80, 30])
def test_text_cannot_control_the_terminal(width: int | None) -> None:
    """Control characters in a tool's message are escaped."""
    shown = text.render(MADE_UP, width)
    assert not _CONTROLS.search(shown)
    assert r"\x1b[31m" in shown
    for word in ("blocked", "LEAKED", "leaked*", "inconclusive", "unavailable"):
        assert word in shown


def test_text_is_folded_to_the_terminal() -> None:
    """On a wide terminal no line is longer than it."""
    assert max(map(len, text.render(MADE_UP, 120).splitlines())) <= 120


def test_junit_fails_only_for_undocumented_leaks() -> None:
    """It has one suite for each victim."""
    root = ElementTree.fromstring(junit.render(MADE_UP))  # noqa: S314 -- our own
    failures = {suite.get("name"): suite.get("failures") for suite in root}
    assert failures == {"good": "0", "bad": "1", "known": "0", "unclear": "0"}
    assert {suite.get("tests") for suite in root} == {"2"}


def test_html_is_one_safe_page() -> None:
    """It loads and runs nothing; each colour has a sign and a word."""
    support.import_module("jinja2")
    shown = html.render(MADE_UP)
    assert not _CONTROLS.search(shown)
    assert "<script" not in shown
    assert not re.search(r"(src|href)=", shown)
    for sign, word in (("✓", "blocked"), ("✗", "LEAKED"), ("✱", "leaked*"), ("?", "inconclusive")):
        assert f"<i>{sign}</i> <span>{word}</span>" in shown


def test_every_report_names_a_running_process() -> None:
    """By its program and user; JUnit without the pid, which would be another suite each time."""
    support.import_module("jinja2")
    process = RunningProcess(12, f"python3 {HOSTILE}", "nobody")
    rows = [
        replace(row, victims={name: row.victims[name] for name in row.victims if name == "good"})
        for row in MADE_UP.attacks
    ]
    run = replace(MADE_UP, victims=("good",), attacks=tuple(rows), process=process)
    shown = {"text": text.render(run, None), "html": html.render(run), "junit": junit.render(run)}
    for report in shown.values():
        assert not _CONTROLS.search(report)
        assert re.search(r"python3 \\x1b.* of nobody", report)
    assert not any("<script" in shown[name] for name in ("html", "junit"))
    assert all("of nobody (pid 12)" in shown[name] for name in ("text", "html"))
    assert "pid 12" not in shown["junit"]
    assert json_report.as_dict(run)["process"] == {
        "pid": 12,
        "program": process.program,
        "user": "nobody",
    }
    assert "a hidden program of nobody (pid 12)" in text.render(
        replace(run, process=replace(process, program=None))
    )


def make_full_run() -> Verification:
    """A run of every attack on every victim, with long messages."""
    plan = plan_victims(None)
    rows = []
    for attack in plan.attacks:
        cells = {}
        for victim in plan.victims:
            limit = KNOWN_LIMITS.get((attack.name, victim))
            reason = plan.skipped.get((attack.name, victim))
            message = reason or f"{attack.name}: Operation not permitted " * 2
            outcome = "unavailable" if reason else "leaked" if limit else "blocked"
            cells[victim] = VictimResult(outcome, message, None if reason else limit)
        row = AttackResult(attack.name, attack.kind, attack.summary, attack.command, "leaked", "")
        rows.append(replace(row, victims=cells))
    return Verification(describe_environment(1000, False), plan.victims, tuple(rows))


def test_the_full_report_prints_on_one_page(tmp_path: Path) -> None:
    """Every attack, method, message, documented leak and reason, and the machine, compared."""
    support.import_module("jinja2")
    browser = support.find_tool("chromium")
    page, printed = tmp_path / "report.html", tmp_path / "report.pdf"
    run = make_full_run()
    comparison = Comparison(
        Earlier("yesterday", "web-1", "6.1", {}), (Change("gdb", "reexec", "leaked", "blocked"),)
    )
    page.write_text(html.render(run, comparison))
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile"]
    command = [browser, *options, f"--print-to-pdf={printed}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=support.TIMEOUT)
    assert re.findall(rb"/Type\s*/Pages\s*/Count (\d+)", printed.read_bytes()) == [b"1"]


def test_json_has_its_stable_keys() -> None:
    """Programs rely on them."""
    record = json.loads(json_report.render(MADE_UP))
    assert record["schema"] == 1
    assert record["victims"] == ["good", "bad", "known", "unclear"]
    peek = record["attacks"][0]
    assert (peek["name"], peek["kind"], peek["control"]) == ("peek", "built-in", "leaked")
    assert peek["victims"]["good"]["outcome"] == "blocked"
    assert peek["victims"]["good"]["evidence"] == HOSTILE
    assert record["exit_code"] == 1


def test_the_list_as_json_says_what_is_missing(command: str) -> None:
    """`needs` is null for an attack that can be tried here."""
    listed = json.loads(support.run([command, "verify", "--list", "--json"]).stdout)["attacks"]
    expected = {attack.name: attack.find_missing() for attack in list_attacks()}
    assert {attack["name"]: attack["needs"] for attack in listed} == expected


def test_one_run_writes_all_reports(command: str, tmp_path: Path) -> None:
    """And a dated record without a secret."""
    support.import_module("jinja2")
    argv = [command, "verify", "--attack", "proc-mem", "--attack", "core-abort"]
    for name in ("junit", "html"):
        argv += [f"--{name}", str(tmp_path / name)]
    result = support.run([*argv, "--evidence", str(tmp_path / "evidence" / "new")])
    assert result.returncode == 0, result.stdout + result.stderr
    ElementTree.parse(tmp_path / "junit")  # noqa: S314 -- our own
    assert (tmp_path / "html").read_text().startswith("<!DOCTYPE html>")
    (path,) = (tmp_path / "evidence" / "new").iterdir()
    assert re.fullmatch(r"verify-\d{4}-\d\d-\d\dT\d{6}Z\.json", path.name)
    record = json.loads(path.read_text())
    assert {"commit", "tools", "environment", "attacks"} <= set(record)
    head = support.run(["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"])
    commit = head.stdout.strip() or None  # the wheel was built from this checkout, if it is one
    assert (record["commit"] and record["commit"].removesuffix("-dirty")) == commit
    assert {"kernel", "libc", "python", "version", "sysctl"} <= set(record["environment"])
    for attack in record["attacks"]:
        for cell in attack["victims"].values():
            assert {"command", "errno", "seconds", "outcome"} <= set(cell)
    for place in ("heap-", "text-", "stack-", "environment-"):
        assert place not in path.read_text()


def test_the_record_holds_the_json_of_the_run() -> None:
    """And the commit and the tools."""
    record = evidence.make_record(MADE_UP)
    assert record["attacks"] == json_report.as_dict(MADE_UP)["attacks"]
    assert {"commit", "tools"} <= set(record)
