"""What tests are made of: an unprivileged user, tools that must be there, programs to watch."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

import pytest

MUST_WORK = os.environ.get("PROCESS_HARDENING_MUST_WORK") == "1"

USER = 65534 if os.getuid() == 0 else os.getuid()
"""The uid of victims and attackers: nobody's when the tests run as root."""

TIMEOUT = 60
"""Seconds after which a program that should have ended or answered is taken for hung."""


def missing(what: str) -> NoReturn:
    """Fail in CI, skip elsewhere: this machine lacks what the test needs."""
    if MUST_WORK:
        pytest.fail(f"missing here: {what}")
    pytest.skip(f"missing here: {what}")


def tool(name: str) -> str:
    """The path of a program, in the environment of the tests or in PATH."""
    beside = Path(sys.executable).with_name(name)
    path = str(beside) if beside.exists() else shutil.which(name)
    return path or missing(name)


def need_root() -> None:
    """Go on only as root."""
    if os.getuid():
        missing("root")


def as_user() -> dict[str, Any]:
    """The arguments that make subprocess start a program as the unprivileged user."""
    if os.getuid():
        return {}
    return {"user": USER, "group": USER, "extra_groups": []}


def run_as_user(argv: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program as the unprivileged user and return its output as text."""
    return run(argv, **{**as_user(), **options})


def run(argv: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program and return its output as text; standard input is empty."""
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(
        argv, **{"capture_output": True, "text": True, "timeout": TIMEOUT, **options}
    )


class Running:
    """A program that runs beside the test: started, ready, and ended at the end of its block.

    It says that it is ready by a line on standard output, which is kept in `ready`.
    """

    def __init__(self, argv: Sequence[str], **options: Any) -> None:
        self.process = subprocess.Popen(
            argv,
            **{
                "stdin": subprocess.PIPE,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                "text": True,
                **as_user(),
                **options,
            },
        )
        self.pid = self.process.pid
        assert self.process.stdout is not None
        self.ready = self.process.stdout.readline().strip()

    def __enter__(self) -> Running:
        if not self.ready:
            _, errors = self.process.communicate(timeout=TIMEOUT)
            pytest.fail(f"ended with {self.process.returncode} before it was ready: {errors}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.communicate(timeout=TIMEOUT)

    def ask(self, line: str) -> str:
        """Write a line to its standard input and return the line that it answers."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def end_by(self, number: signal.Signals) -> int:
        """Send a signal and return the status that the program ends with."""
        self.process.send_signal(number)
        self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode


class Sysctl:
    """A setting in /proc/sys that is put back at the end of the block."""

    def __init__(self, name: str) -> None:
        self.path = Path("/proc/sys") / name

    def __enter__(self) -> Sysctl:
        self.before = self.path.read_text()
        return self

    def __exit__(self, *_: object) -> None:
        if self.path.read_text() != self.before:
            self.path.write_text(self.before)

    def set(self, value: str) -> None:
        """Set it, or skip (fail in CI) where this is not allowed."""
        try:
            self.path.write_text(value)
        except OSError as error:
            missing(f"the right to write {self.path}: {error.strerror}")
