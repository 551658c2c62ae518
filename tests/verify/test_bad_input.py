"""Mistakes of the user."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import process_hardening
import support
from verify.leftovers import Place

HARDENED_READER = [str(Path(__file__).parent / "programs" / "hardened_reader.py")]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--attack", "nope"], 2, "'nope' is not an attack"),
        (["--attack", "proc-mme"], 2, "'proc-mme' is not an attack (did you mean proc-mem?)"),
        (["--victim", "nope"], 2, "'nope' is not a victim"),
        (["--victim", "control"], 2, "'control' is not a victim"),
        (["--pid", "x"], 2, "not a process ID"),
        (["--pid", "4194305"], 2, "no such process"),
        (["--pid", "0"], 2, "not a process ID"),
        (["--canary", "abc", "--", "sleep", "9"], 2, "needs at least"),
        (["--canary", "long enough"], 2, "needs a program or a process"),
        (["--pid", "1", "--", "sleep", "9"], 2, "not both"),
        (["--victim", "preload", "--", "sleep", "9"], 2, "--victim cannot be combined with"),
        (["--", "no-such-program-here"], 127, "no such program"),
        (["--attack", "proc-mem", "--", "true"], 2, "exited immediately"),
        (["--attack", "proc-mem", "--", "cat"], 2, "start it with an empty standard input"),
        (["--attack", "proc-mem", "--", *HARDENED_READER], 2, "with an empty standard input"),
        (["--evidence", "/proc/nothing"], 2, "/proc"),
        (["--evidence", "/etc/hostname"], 2, "is not a directory"),
        (["--junit", "/nowhere/x.xml"], 2, "no such directory"),
        (["--html", "/tmp"], 2, "is a directory"),
        (["--junit", "x", "--html", "./x"], 2, "--junit and --html: both name x: name two files"),
        (["--markdown", "x.md"], 2, "unrecognized arguments"),
        (["--nope"], 2, "unrecognized arguments"),
    ],
)
def test_a_mistake_gets_one_line_and_its_status(
    arguments: list[str], status: int, message: str
) -> None:
    """A mistake is reported in one line, without a traceback, and nothing is left running."""
    with Place() as place:
        run = place.start("--attack", "proc-mem", *arguments)
        output, errors = run.communicate(timeout=support.TIMEOUT)
        assert run.returncode == status, output + errors
        assert not output
        assert errors.startswith("process-hardening: ")
        assert errors.count("\n") == 1
        assert message in errors
        place.assert_clean()


def test_another_users_process_is_refused(command: str) -> None:
    """An ordinary user may not attack another user's process, nor root a process of root."""
    support.require_root()
    with support.ending(subprocess.Popen(["sleep", "100"])) as other:
        result = support.run_as_user([command, "verify", "--pid", str(other.pid)])
        own = support.run([command, "verify", "--pid", str(other.pid)])
    assert result.returncode == 2
    assert "process" in result.stderr
    assert own.returncode == 2
    assert "--as-root-without-ptrace" in own.stderr


def test_an_interpreter_that_the_attacker_cannot_read_is_named_where_it_is(
    user_tmp: Path,
) -> None:
    """As in a virtual environment of a Python in root's home: the link itself can be read."""
    support.require_root()
    home = user_tmp / "home"
    (user_tmp / "bin").mkdir()
    home.mkdir(0o700)
    os.chown(home, 0, 0)
    shutil.copy(os.path.realpath(sys.executable), home / "python3")
    (user_tmp / "bin/python3").symlink_to(home / "python3")
    (user_tmp / "pyvenv.cfg").write_text(f"home = {os.path.dirname(sys._base_executable)}\n")  # type: ignore[attr-defined]
    packages = Path(process_hardening.__file__).parents[1]
    argv = [str(user_tmp / "bin/python3"), "-m", "process_hardening", "verify", "--built-in"]
    result = support.run(argv, env={**os.environ, "PYTHONPATH": str(packages)})
    assert result.returncode == 2
    assert f" cannot read {home}/python3: install it where" in result.stderr


def test_a_dead_process_is_refused(command: str) -> None:
    """A process that has ended and is not yet reaped is no target."""
    dead = subprocess.Popen(["true"])
    status = Path(f"/proc/{dead.pid}/stat")
    while b") Z" not in status.read_bytes():
        pass
    result = support.run([command, "verify", "--pid", str(dead.pid)])
    dead.wait()
    assert result.returncode == 2
    assert "has ended" in result.stderr


def test_a_closed_output_is_an_error(python: str) -> None:
    """A closed standard output gives status 2, not a traceback."""
    argv = [python, "-m", "process_hardening", "verify", "--list"]
    result = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *argv], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
