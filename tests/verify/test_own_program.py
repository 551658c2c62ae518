"""verify -- PROGRAM and verify --pid: attacks on what is not ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import support

SECRET = "sk-live-0123456789abcdefghij"  # noqa: S105 -- a made-up one
# Made while it runs, so that it is in memory and not in the script.
PROGRAM = (
    "import time\n"
    "secret = 'sk-live-' + ''.join(map(str, range(10))) + bytes(range(97, 107)).decode()\n"
    "while True:\n    time.sleep(1)\n"
)
READING = ["--attack", "proc-mem", "--attack", "process-vm-readv", "--attack", "ptrace-attach"]


@pytest.fixture
def program(user_tmp: Path) -> str:
    """A program that holds SECRET and runs until it is ended."""
    path = user_tmp / "program.py"
    path.write_text(PROGRAM)
    path.chmod(0o755)
    return str(path)


@contextmanager
def running(argv: list[str]) -> Iterator[int]:
    """A program that runs as the unprivileged user."""
    process = subprocess.Popen(argv, **support.as_user())
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def test_a_program_is_attacked_plain_and_hardened(command: str, program: str) -> None:
    """Its secret leaks from the plain one only, and is in no output."""
    result = support.run([command, "verify", "--json", *READING, "--canary", SECRET, "--", program])
    assert result.returncode == 0, result.stdout + result.stderr
    told = json.loads(result.stdout)
    assert told["victims"] == ["execute-only", "preload", "in-process"]
    for attack in told["attacks"]:
        assert attack["control"] == "leaked"
        assert {cell["outcome"] for cell in attack["victims"].values()} == {"blocked"}
    assert SECRET not in result.stdout


def test_a_binary_without_a_known_secret(command: str) -> None:
    """One is put into its environment."""
    argv = [command, "verify", "--json", "--attack", "proc-environ", "--", "sleep", "100"]
    result = support.run(argv)
    assert result.returncode == 0, result.stdout + result.stderr
    told = json.loads(result.stdout)
    assert told["victims"] == ["execute-only", "preload"]
    assert told["attacks"][0]["control_run"]["places"] == ["environment"]


def test_a_canary_that_is_not_there(command: str, program: str) -> None:
    """Nothing can be concluded, and it says so."""
    argv = [command, "verify", *READING, "--canary", "not in this program", "--", program]
    result = support.run(argv)
    assert result.returncode == 3
    assert "is it there?" in result.stdout


def test_a_plain_process(command: str) -> None:
    """A running process that is open leaks, is not harmed, and what could harm it is left out."""
    with running([sys.executable, "-c", PROGRAM]) as pid:
        argv = [command, "verify", "--json", "--built-in", "--pid", str(pid), "--canary", SECRET]
        result = support.run(argv)
        told = json.loads(result.stdout)
        os.kill(pid, 0)
    assert result.returncode == 1, result.stdout + result.stderr
    outcomes = {a["name"]: a["victims"][f"pid {pid}"]["outcome"] for a in told["attacks"]}
    assert outcomes["proc-mem"] == outcomes["ptrace-attach"] == "leaked"
    assert "core-segv" not in outcomes
    assert "core-segv" in told["notes"][0]


def test_a_hardened_process(command: str) -> None:
    """A running process that is hardened blocks all."""
    with running([command, "run", "--", sys.executable, "-c", PROGRAM]) as pid:
        while b"import time" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            pass
        result = support.run([command, "verify", *READING, "--pid", str(pid)])
    assert result.returncode == 0, result.stdout + result.stderr
