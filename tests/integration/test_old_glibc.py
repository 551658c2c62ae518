"""A Python built for an old glibc and old kernel headers, as uv's: its os module lacks calls."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import support
from environments import Venv

DELETE_CALLS = (
    "import os; [delattr(os, name) for name in dir(os)"
    " if name.startswith(('memfd_', 'MFD_', 'pidfd_'))]\n"
)


@pytest.fixture
def python(user_tmp: Path) -> str:
    """An interpreter that deletes the calls before it runs anything else."""
    venv = Venv(user_tmp / "venv", has_commands=True)
    (venv.site_packages / "delete_calls.pth").write_text(DELETE_CALLS)
    has_call = [venv.python, "-c", "import os; print(hasattr(os, 'memfd_create'))"]
    assert support.run(has_call).stdout == "False\n"
    return venv.python


@pytest.mark.parametrize("words", [("audit", str(os.getpid())), ("doctor",)])
def test_a_report_is_made(python: str, words: tuple[str, ...]) -> None:
    done = support.run([python, "-m", "process_hardening", *words, "--fail-on", "never"])
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("attack", ["proc-mem", "pidfd-getfd", "launch-getfd"])
def test_verify_tries_attacks(python: str, attack: str) -> None:
    """They need a secret in an open file, and descriptors of processes."""
    words = ["--attack", attack, "--victim", "execute-only"]
    done = support.run([python, "-m", "process_hardening", "verify", *words])
    assert (done.returncode, done.stderr) == (0, "")
