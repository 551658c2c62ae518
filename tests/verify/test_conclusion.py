"""What a whole verification says, and what changed since an earlier one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import support
from process_hardening.errors import CommandError
from process_hardening.verify import BUILT_IN, TOOL, AttackResult, Verification, VictimResult
from process_hardening.verify.conclusion import compare, headline, read_earlier
from process_hardening.verify.model import RunningProcess
from process_hardening.verify.render import json as json_report
from process_hardening.verify.render import text

CELLS = {
    "b": VictimResult("blocked", "refused"),
    "l": VictimResult("leaked", "got it"),
    "d": VictimResult("leaked", "got it", "documented"),
    "i": VictimResult("inconclusive", "no answer"),
    "u": VictimResult("unavailable", "not tried"),
}
FACTS = {
    "time": "2026-01-02T03:04:05+00:00",
    "host": "here",
    "kernel": "6.1",
    "libc": "glibc",
    "python": "3",
    "uid": 1,
    "container_root": False,
    "landlock": 7,
    "confined": False,
    "sysctl": {},
}


def make_attack(name: str, control: str, cells: dict[str, str], kind: str = BUILT_IN) -> Any:
    """A row of the table: victim to the letter of its cell."""
    victims = {victim: CELLS[letter] for victim, letter in cells.items()}
    return AttackResult(name, kind, "", "", control, "", victims=victims)


def make(*rows: dict[str, str], control: str = "leaked") -> Verification:
    """A verification of built-in attacks."""
    attacks = tuple(make_attack(f"attack{i}", control, row) for i, row in enumerate(rows))
    return Verification(FACTS, tuple(rows[0]), attacks)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"x": "b", "y": "b"}], "2 of 2 methods kept every secret."),
        (
            [{"x": "b", "y": "b"}, {"x": "b", "y": "d"}],
            "No unexpected leak: 1 of 2 methods kept every secret; 1 blocked every attack except"
            " for documented limits (*).",
        ),
        (
            [{"x": "d", "y": "b"}, {"x": "b", "y": "d"}],
            "No unexpected leak: 2 of 2 methods blocked every attack except for documented limits"
            " (*).",
        ),
        (
            [{"x": "l", "y": "b"}, {"x": "d", "y": "b"}],
            "A secret LEAKED from x; 1 of 2 methods kept every secret.",
        ),
        ([{"x": "l", "y": "l"}, {"x": "d", "y": "b"}], "A secret LEAKED from x, y."),
        (
            [{"x": "i", "y": "d"}, {"x": "b", "y": "b"}],
            "1 of 2 methods blocked every attack except for documented limits (*); could not be"
            " judged: x.",
        ),
        ([{"x": "i", "y": "i"}], "Could not be judged: x, y."),
        ([{"x": "i", "y": "b"}], "1 of 2 methods kept every secret; could not be judged: x."),
        ([{"x": "u", "y": "b"}], "1 of 2 methods kept every secret; not tried: x."),
        ([{"x": "b"}, {"x": "b"}, {"x": "u"}], "x: kept every secret from 2 attacks."),
        (
            [{"x": "b"}, {"x": "d"}],
            "x: kept its secrets from 1 attack; 1 leaked as documented (*).",
        ),
        ([{"x": "b"}, {"x": "l"}, {"x": "d"}], "x: a secret LEAKED to 1 of 3 attacks."),
        ([{"x": "b"}, {"x": "i"}], "x: 1 of 2 attacks could not be judged."),
        ([{"x": "u"}], "x: 0 of 0 attacks could not be judged."),
    ],
)
def test_the_headline_is_the_truth_of_the_whole_table(
    rows: list[dict[str, str]], expected: str
) -> None:
    """A method keeps every secret only if each cell of its column is blocked or was not tried."""
    assert headline(make(*rows)) == expected


def test_without_a_leak_from_the_control_nothing_is_proven() -> None:
    """Whatever the victims' cells say."""
    expected = "No attack got the secret from the control, so this run proves nothing."
    assert headline(make({"x": "b", "y": "b"}, control="inconclusive")) == expected


def test_a_tool_that_does_not_work_here_says_nothing() -> None:
    """As if it were not there."""
    works = make_attack("proc-mem", "leaked", {"x": "b", "y": "b"})
    tool = make_attack("gdb", "inconclusive", {"x": "i", "y": "i"}, TOOL)
    both = Verification(FACTS, ("x", "y"), (works, tool))
    assert headline(both) == "2 of 2 methods kept every secret."
    assert "2 blocked, 0 leaked, 0 inconclusive, 2 ignored (a tool does not work" in (
        text.summary(both)
    )


def test_the_first_and_the_last_line_count_the_same() -> None:
    rows = (
        make_attack("proc-mem", "leaked", {"x": "b"}),
        make_attack("core-segv", "inconclusive", {"x": "i"}),
        make_attack("gdb", "inconclusive", {"x": "i"}, TOOL),
    )
    run = Verification(FACTS, ("x",), rows)
    assert headline(run) == "x: 1 of 2 attacks could not be judged."
    assert "1 blocked, 0 leaked, 1 inconclusive, 1 ignored" in text.summary(run)


def test_a_leak_is_in_the_headline_even_if_the_control_did_not_leak() -> None:
    """Such a run fails, and its headline says so too."""
    tool = make_attack("gdb", "inconclusive", {"x": "l", "y": "i"}, TOOL)
    works = make_attack("proc-mem", "leaked", {"x": "b", "y": "b"})
    for rows in ((tool,), (works, tool)):
        run = Verification(FACTS, ("x", "y"), rows)
        assert headline(run).startswith("A secret LEAKED from x")
        assert run.exit_code == 1
    assert headline(make({"x": "l"}, control="inconclusive")).startswith("x: a secret LEAKED")


def test_a_comparison_says_what_is_better_and_what_is_worse() -> None:
    """What was not tried on one of the days is neither."""
    before = make({"x": "b", "y": "l"}, {"x": "d", "y": "u"}, {"x": "b", "y": "b"})
    now = make({"x": "l", "y": "b"}, {"x": "d", "y": "b"}, {"x": "d", "y": "b"})
    earlier = read_earlier(json.loads(json_report.render(before)))
    comparison = compare(earlier, now)
    kinds = {
        kind: [(one.attack, one.victim, one.before, one.now) for one in changes]
        for kind, changes in comparison.parts.items()
    }
    assert kinds == {
        "worse": [("attack0", "x", "blocked", "leaked"), ("attack2", "x", "blocked", "expected")],
        "better": [("attack0", "y", "leaked", "blocked")],
        "other": [("attack1", "y", "unavailable", "blocked")],
    }
    shown = text.render(now, 100, comparison=comparison)
    assert "Since 2026-01-02T03:04:05+00:00 on here, Linux 6.1: 2 worse, 1 better" in shown
    assert "better (LEAKED -> blocked): attack0 of y" in shown
    record = json.loads(json_report.render(now, comparison))["compared_with"]
    assert record["better"] == [
        {"attack": "attack0", "victim": "y", "before": "leaked", "now": "blocked"}
    ]


def make_run_of(pid: int, *letters: str, program: str = "python3 keeper.py") -> Verification:
    """A run of attacks on a running process, which has this pid."""
    run = make(*({f"pid {pid}": letter} for letter in letters))
    process = RunningProcess(pid, program, "nobody")
    return Verification(run.environment, run.victims, run.attacks, process=process)


@pytest.mark.parametrize("program", ["python3 keeper.py", "a renamed program"])
def test_a_restarted_service_is_compared_with_what_it_was(program: str) -> None:
    """Its pid changed, and perhaps its name."""
    earlier = read_earlier(json.loads(json_report.render(make_run_of(12, "l", "l", "b", "l"))))
    now = make_run_of(345, "b", "b", "l", "l", program=program)
    shown = text.render(now, 200, comparison=compare(earlier, now)).splitlines()
    assert shown[0] == f"{program} of nobody (pid 345): a secret LEAKED to 2 of 4 attacks."
    assert shown[2:5] == [
        "Since 2026-01-02T03:04:05+00:00 on here, Linux 6.1, when it was python3 keeper.py of"
        " nobody (pid 12): 1 worse, 2 better, 1 unchanged.",
        "worse (blocked -> LEAKED): attack2 of pid 345",
        "better (LEAKED -> blocked): attack0, attack1 of pid 345",
    ]


def test_what_was_not_tried_is_counted_not_listed() -> None:
    """A run of few attacks is compared with one of all."""
    victims = [f"victim{i}" for i in range(10)]
    everything = make(*(dict.fromkeys(victims, "l") for _ in range(50)))
    few = make(dict.fromkeys(victims, "b"), dict.fromkeys(victims, "b"))
    new = make_attack("new", "leaked", dict.fromkeys(victims, "b"))
    few = Verification(FACTS, few.victims, (*few.attacks, new))
    comparison = compare(read_earlier(json.loads(json_report.render(everything))), few)
    shown = text.list_changes(comparison)
    assert shown == [
        "Since 2026-01-02T03:04:05+00:00 on here, Linux 6.1: 0 worse, 20 better, 0"
        " unchanged, 480 not tried this time, 10 not tried before.",
        f"better (LEAKED -> blocked): attack0, attack1 of {', '.join(victims)}",
    ]
    assert len(comparison.parts["other"]) == 490


def test_the_same_table_is_no_change() -> None:
    """And an unchanged documented leak is none either."""
    one = make({"x": "b", "y": "d"})
    comparison = compare(read_earlier(json.loads(json_report.render(one))), one)
    assert comparison.changes == ()
    assert "no result changed" in text.render(one, None, comparison=comparison)


WHOLE = json_report.as_dict(make({"x": "b", "y": "b"}))


@pytest.mark.parametrize(
    "record",
    [
        [],
        {},
        {"schema": 0},
        {**WHOLE, "schema": 2},
        {**WHOLE, "attacks": None},
        {**WHOLE, "attacks": [{}]},
        {**WHOLE, "environment": []},
        {**WHOLE, "process": 1},
        {**WHOLE, "process": {"pid": "x", "program": "a", "user": "b"}},
        {**WHOLE, "process": {"pid": 1e999, "program": "a", "user": "b"}},
        {**WHOLE, "process": {"pid": 7, "program": 8, "user": "b"}},
        {**WHOLE, "environment": {"time": 1}},
        {**WHOLE, "schema": True},
        {**WHOLE, "attacks": [{"name": "a", "victims": {"x": {"outcome": "good"}}}]},
        {**WHOLE, "attacks": [{"name": "a", "victims": {"x": {"outcome": [], "known_limit": 1}}}]},
    ],
)
def test_what_is_no_verification_is_refused(record: object) -> None:
    """With the way out."""
    with pytest.raises(CommandError, match="create it again"):
        read_earlier(record)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "No such file"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("{}", "not the JSON of this version of `verify`"),
        ('{"schema": 1, "processes": []}', "not the JSON of this version of `verify`"),  # an audit
    ],
)
def test_a_file_that_cannot_be_compared_with_is_refused_before_the_attacks(
    command: str, tmp_path: Path, content: str | None, problem: str
) -> None:
    """One line, status 2."""
    path = tmp_path / "old.json"
    if content is not None:
        path.write_text(content)
    result = support.run([command, "verify", "--built-in", "--compare", str(path)])
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"process-hardening: --compare: {path}: {problem}")
    assert result.stderr.count("\n") == 1


def test_a_run_is_compared_with_the_one_before(command: str, tmp_path: Path) -> None:
    """From the command line, by what --json printed."""
    argv = [command, "verify", "--attack", "proc-mem", "--victim", "pre-main"]
    first = support.run([*argv, "--json"])
    (tmp_path / "old.json").write_text(first.stdout)
    second = support.run([*argv, "--compare", str(tmp_path / "old.json")])
    assert (second.returncode, second.stderr) == (0, "")
    assert second.stdout.startswith("pre-main: kept every secret from 1 attack.\n")
    assert "no result changed" in second.stdout


@pytest.mark.parametrize(
    ("victim", "sentence"),
    [
        ("pre-main", "hardened by the method in the column header"),
        ("confined", "only the victim's attacker is confined"),
        ("pid 12", "the victim is the process that was named"),
    ],
)
def test_the_words_of_the_table_are_explained(victim: str, sentence: str) -> None:
    """What a victim is differs with what was asked for."""
    run = make_run_of(12, "b") if victim == "pid 12" else make({victim: "b"})
    assert sentence in " ".join(text.render(run, 80).split())
