"""`run` and `confine` with --explain --json: the facts of --explain, for programs."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import starts
import support
from process_hardening import domain
from process_hardening.errors import CannotProtectError


def explain(argv: list[str], *words: str, **options: Any) -> tuple[str, dict[str, Any]]:
    """Return what --explain prints, and the object that --json makes of it."""
    plain, found = (
        support.run_as_user([*argv, "--explain", *more, *words], **options)
        for more in ([], ["--json"])
    )
    assert (plain.returncode, found.returncode) == (0, 0), plain.stderr + found.stderr
    assert found.stderr == plain.stderr
    assert found.stdout.count("\n") == 1
    text, facts = plain.stdout, json.loads(found.stdout)
    if "crashed_process" in facts:  # other tests change kernel.core_pattern between the two
        assert facts["crashed_process"]
        text = re.sub(r"(?m)^(crashed process: +)\S.*$", r"\1", text)
        facts["crashed_process"] = ""
    return text, facts


def as_lines(found: dict[str, Any]) -> set[str]:
    """Return the lines of --explain that an object stands for."""
    assert found["schema"] == 1
    lines = {f"warning:          {text}" for text in found["warnings"]}
    for key in found.keys() - {"schema", "warnings"}:
        label = key if key == "no_new_privs" else key.replace("_", " ")
        lines.add(f"{label + ':':<18}{found[key]}")
    return lines


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--strict"],
        ["--children", "--keep", "LD_X"],
        ["--method", "copy"],
        ["--method", "preload"],
        ["--method", "in-process"],
        ["--confine"],
    ],
    ids=" ".join,
)
def test_run_has_the_facts_of_its_explain(command: str, user_tmp: Path, options: list[str]) -> None:
    """Each line becomes a key, and nothing is started."""
    started = user_tmp / "started"
    script = starts.copy_script("touch.py", user_tmp)
    env = {"PATH": "/usr/bin:/bin", "LD_X": "1"}
    text, found = explain([command, "run"], *options, script, str(started), env=env)
    assert as_lines(found) == set(text.splitlines())
    assert {"program", "arguments", "method", "protects", "warnings"} <= set(found)
    assert not started.exists()


@pytest.mark.parametrize("method", ["auto", "in-process"])
def test_run_says_that_the_program_would_be_confined(command: str, method: str) -> None:
    """In the words of `harden`."""
    harden = support.run_as_user([support.find_tool("harden"), "--confine", "--explain", "true"])
    (expected,) = (line for line in harden.stdout.splitlines() if line.startswith("confined:"))
    words = [command, "run", "--method", method]
    text, found = explain([*words, "--confine"], "-m", "this")
    assert expected in text.splitlines()
    assert expected.endswith(found["confined"])
    assert "confined" not in explain(words, "-m", "this")[1]


@pytest.mark.parametrize("method", ["auto", "in-process"])
def test_the_bypass_leaves_three_facts(command: str, method: str) -> None:
    """The warning stays on standard error."""
    env = {**os.environ, "CODEX_SKIP_HARDENING": "1"}
    text, found = explain([command, "run"], "--method", method, "-m", "this", env=env)
    assert as_lines(found) == set(text.splitlines())
    assert set(found) == {"schema", "program", "arguments", "protects", "warnings"}


def test_warnings_are_a_list(command: str, user_tmp: Path) -> None:
    """Here for a runtime, and for a file that its user can modify."""
    path = user_tmp / "node"
    shutil.copy("/bin/true", path)
    support.run(["chown", "nobody", str(path)])
    text, found = explain([command, "run"], str(path))
    assert len(found["warnings"]) == 2
    assert as_lines(found) == set(text.splitlines())
    assert explain([command, "run"], "/bin/true")[1]["warnings"] == []


@pytest.mark.parametrize("name", ["run", "confine"])
@pytest.mark.parametrize(
    ("program", "shown"),
    [
        ("a\nmethod: b", r"a\x0amethod: b"),
        ("a: b", "a: b"),
        (" a", " a"),
        ("\udcff\udcfe", r"\xff\xfe"),
        ("\x1b[31m", r"\x1b[31m"),
        ("é\u2028", r"\xc3\xa9\xe2\x80\xa8"),
        ('"\\', '"\\'),
    ],
)
def test_any_name_of_a_program_is_one_value(
    command: str, user_tmp: Path, name: str, program: str, shown: str
) -> None:
    """Escaped as --explain escapes it, so that it cannot look like another line."""
    path = user_tmp / program
    shutil.copy("/bin/true", path)
    text, found = explain([command, name], "--", str(path))
    assert found["program"] == f"{user_tmp}/{shown}"
    assert as_lines(found) == set(text.splitlines())


@pytest.mark.parametrize("options", [[], ["--allow-signals"]], ids=" ".join)
def test_confine_has_the_facts_of_its_explain(command: str, options: list[str]) -> None:
    text, found = explain([command, "confine"], *options, "--", "echo", "started")
    assert as_lines(found) == set(text.splitlines())
    assert {"program", "method", "blocked", "signals", "not_blocked"} <= set(found)
    assert found["signals"].startswith("allowed" if options else "blocked")


def test_the_programs_own_json_is_not_ours(command: str) -> None:
    """Only an option before the program is."""
    for words in (
        ["run", "--explain", "true", "--json"],
        ["run", "--explain", "--", "true", "--json"],
        ["run", "--explain", "-m", "this", "--json"],
        ["run", "--explain", "--method", "in-process", "-m", "this", "--json"],
        ["confine", "--explain", "true", "--json"],
        ["confine", "--explain", "--", "true", "--json"],
    ):
        result = support.run_as_user([command, *words])
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith("program:          ")


@pytest.mark.parametrize("json_option", [[], ["--json"]], ids=["text", "json"])
@pytest.mark.parametrize("end", [[], ["--"]], ids=["", "--"])
def test_a_refusal_prints_its_line_and_no_json(
    compiler: support.Compiler, command: str, json_option: list[str], end: list[str]
) -> None:
    """The exit statuses are those of --explain."""
    static = starts.build_static(compiler)
    no_landlock = starts.refusing("landlock_create_ruleset=EOPNOTSUPP")
    for argv, status in (
        ([command, "run", "--explain", *json_option, "--method", "preload", *end, static], 126),
        ([command, "run", "--explain", *json_option, *end, "no-such-program"], 127),
        ([command, "run", "--method=in-process", "--explain", *json_option, *end, static], 126),
        ([command, "confine", "--explain", *json_option, *end, "no-such-program"], 127),
        ([command, "confine", "--explain", *json_option, "--nosuch", *end, "true"], 2),
        ([*no_landlock, command, "confine", "--explain", *json_option, *end, "true"], 126),
    ):
        starts.refused(support.run_as_user(argv), status)


def test_a_native_command_that_cannot_be_started_is_one_line(command: str) -> None:
    """Here because of the limit of processes; root has none."""
    argv = ["prlimit", "--nproc=0", command, "confine", "--explain", "--json", "true"]
    line = starts.refused(support.run_as_user(argv))
    assert "Resource temporarily unavailable" in line


def test_confine_has_the_status_of_its_explain_if_sigchld_is_ignored(command: str) -> None:
    """An ignored SIGCHLD, which a program inherits, discards the statuses of its children."""
    argv = ["env", "--ignore-signal=SIGCHLD", command, "confine", "--explain", "--json", "nosuch"]
    result = support.run_as_user(argv)
    assert (result.returncode, result.stdout) == (127, "")
    assert result.stderr == "process-hardening: nosuch: not found in PATH\n"


def test_a_lost_status_of_explain_is_an_error() -> None:
    with support.ignored_sigchld(), pytest.raises(CannotProtectError, match="SIGCHLD is ignored"):
        domain.explain(["--explain", "nosuch"])
