"""No report holds a value out of a target's memory, whatever its attackers print."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import support
from process_hardening.verify import list_attacks
from process_hardening.verify.lab.disclosure import NOT_SHOWN, make_reportable, remove_secrets
from process_hardening.verify.model import TOOL, Attempt

PROGRAMS = Path(__file__).with_name("programs")
PLANTED = "tok_c4Kp9Vx2Lq7Zw0"  # no report knows that this is a secret
TOOLS = [attack.name for attack in list_attacks((TOOL,))]
FAKES = ("gdb", "strace", "cat")
"""A tool that writes files, one that is watched while it runs, and one that prints what it reads.

The other tools that read memory are run and read like one of these.
"""


@pytest.fixture
def program(user_tmp: Path) -> str:
    """A program that holds PLANTED, which it gets in a variable or a file."""
    (user_tmp / "token").write_text(PLANTED)
    path = user_tmp / "program.py"
    shutil.copy(PROGRAMS / "tells_secret.py", path)
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def environment(user_tmp: Path) -> dict[str, str]:
    """The variables of verify: PLANTED, and tools in PATH that print what they read."""
    folder = user_tmp / "tools"
    folder.mkdir()
    for name in FAKES:
        shutil.copy(PROGRAMS / "prints_memory.py", folder / name)
        (folder / name).chmod(0o755)
    return {**os.environ, "API_TOKEN": PLANTED, "FAKES": str(folder)}


@pytest.fixture
def pid(program: str, python: str) -> Iterator[int]:
    """The program, running, with PLANTED also in its arguments."""
    variables = {"PATH": os.environ["PATH"], "API_TOKEN": PLANTED}
    process = subprocess.Popen([python, program, PLANTED], env=variables, **support.user_options())
    yield process.pid
    process.kill()
    process.wait()


def report(folder: Path, command: str, *arguments: str, **options: object) -> dict[str, str]:
    """Run verify; every report that it makes, by its kind, with what it prints."""
    support.import_module("jinja2")
    folder.mkdir()
    argv = [command, "verify", "--evidence", str(folder / "evidence")]
    for kind in ("junit", "html"):
        argv += [f"--{kind}", str(folder / kind)]
    done = support.run([*argv, *arguments], **{"timeout": 400, **options})
    (record,) = (folder / "evidence").iterdir()
    files = {"junit": folder / "junit", "html": folder / "html", "evidence": record}
    reports = {kind: path.read_text() for kind, path in files.items()}
    return {**reports, "output": done.stdout, "errors": done.stderr}


def assert_nothing_planted(reports: dict[str, str], *attacks: str) -> None:
    """PLANTED is in no report, and each report tells of the attacks."""
    for kind, text in reports.items():
        assert PLANTED not in text, kind
        if kind != "errors":
            assert all(attack in text for attack in attacks), kind


def test_no_attack_on_a_process_quotes_its_memory(command: str, pid: int, tmp_path: Path) -> None:
    """All attacks get in, by the real tools as far as they are installed; no canary is known."""
    user = pwd.getpwuid(Path(f"/proc/{pid}").stat().st_uid).pw_name
    reports = report(tmp_path / "reports", command, "--pid", str(pid))
    assert_nothing_planted(reports, "proc-environ", "cat", f" program.py of {user}")
    assert "LEAKED" in reports["output"]


def test_no_tool_quotes_the_memory_of_a_program_nor_gets_any_if_it_is_confined(
    command: str, program: str, environment: dict[str, str], tmp_path: Path
) -> None:
    """Every tool, a crash and a read of ours: the control's attacker, unconfined, gets in."""
    attacks = [*TOOLS, "proc-environ", "core-segv"]
    options = ["--confined", *(word for name in attacks for word in ("--attack", name))]
    reports = report(tmp_path / "reports", command, *options, "--", program, env=environment)
    assert_nothing_planted(reports, "proc-environ", "core-segv", "cat")
    rows = json.loads(reports["evidence"])["attacks"]
    leaked = [row for row in rows if row["control"] == "leaked"]
    assert {"proc-environ", "core-segv", "cat"} <= {row["name"] for row in leaked}
    assert {row["victims"]["confined"]["outcome"] for row in leaked} == {"blocked"}


@pytest.mark.parametrize("target", ["--pid", "--", "--confined"])
def test_a_tool_that_says_why_it_failed_with_memory_is_not_quoted(
    command: str, program: str, pid: int, environment: dict[str, str], tmp_path: Path, target: str
) -> None:
    """The reason is named, and the rest of the line is not."""
    fakes = {**environment, "PATH": f"{environment['FAKES']}:{os.environ['PATH']}"}
    attacks = [word for name in FAKES for word in ("--attack", name)]
    aim = {"--pid": ["--pid", str(pid)], "--": ["--", program]}
    aim["--confined"] = ["--confined", *aim["--"]]
    reports = report(tmp_path / "reports", command, *attacks, *aim[target], env=fakes)
    assert_nothing_planted(reports, "gdb", "cat")
    assert "ermission denied" in reports["output"]


def test_a_program_that_ends_with_a_value_in_its_last_line_is_not_quoted(
    command: str, program: str, environment: dict[str, str]
) -> None:
    """Its status is named."""
    argv = [command, "verify", "--attack", "proc-mem", "--", program, "--end"]
    done = support.run(argv, env=environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert PLANTED not in done.stderr
    assert "exited immediately with status 1: start it with" in done.stderr


@pytest.mark.parametrize(
    ("output", "is_ours", "message"),
    [
        ("cannot open: tok_1", True, "cannot open: tok_1"),
        ("cannot open: tok_1", False, NOT_SHOWN),
        ("tok_1: Permission Denied for tok_1", False, "Permission denied"),
        ("found heap-1234 here", True, "found [canary] here"),
        ("", False, ""),
    ],
)
def test_output_is_quoted_only_of_a_victim_of_ours(
    output: str, is_ours: bool, message: str
) -> None:
    """Of another target, a reason of the table is named, in the table's words."""
    attempt = make_reportable(Attempt(output=output), [b"heap-1234"], is_ours)
    assert (attempt.message, attempt.output) == (message, "")


def test_a_secret_in_a_message_is_replaced() -> None:
    """A tool may print one."""
    assert remove_secrets("found heap-1234 here", [b"heap-1234"]) == "found [canary] here"
