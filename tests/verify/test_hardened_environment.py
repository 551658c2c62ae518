"""verify in an environment that hardens every Python that it starts."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import support
from environments import Venv, check

PROGRAM = Path(__file__).parent / "programs" / "hardens_itself.py"


@pytest.mark.parametrize("method", ["enable --execute-only", "enable"])
def test_only_what_is_to_be_hardened_is(method: str, user_tmp: Path) -> None:
    """Whether its interpreter is execute-only, or the hook alone hardens it."""
    venv = Venv(user_tmp / "venv", has_commands=True)
    check(venv.call(method), 0, "enabled")
    with support.Running([venv.python, str(PROGRAM)]) as target:
        for run in (support.run, support.run_as_user):
            assert_control_is_not_hardened(venv, target.pid, run)
    assert_victims_are_hardened_by_their_own_method(venv)


def assert_control_is_not_hardened(
    venv: Venv, pid: int, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """The control is started by the base interpreter, so what is blocked is known to be."""
    argv = [venv.python, "-m", "process_hardening", "verify", "--json", "--built-in"]
    result = run([*argv, "--attack", "proc-mem", "--pid", str(pid)], cwd="/")
    assert result.returncode == 0, result.stdout + result.stderr
    (row,) = json.loads(result.stdout)["attacks"]
    assert row["control"] == "leaked"
    assert row["victims"][f"pid {pid}"]["outcome"] == "blocked"


def assert_victims_are_hardened_by_their_own_method(venv: Venv) -> None:
    """And by nothing else: one that undid its hardening leaks."""
    argv = [venv.python, "-m", "process_hardening", "verify", "--json", "--attack", "proc-mem"]
    victims = ("pre-main", "undone", "interpreter")
    result = support.run_as_user([*argv, *(w for v in victims for w in ("--victim", v))], cwd="/")
    (row,) = json.loads(result.stdout)["attacks"]
    outcomes = {name: cell["outcome"] for name, cell in row["victims"].items()}
    assert row["control"] == "leaked"
    assert outcomes == {"pre-main": "blocked", "undone": "leaked", "interpreter": "blocked"}
