"""verify in an environment that hardens every Python that it starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import support
from environments import Venv, check

PROGRAM = Path(__file__).parent / "programs" / "hardens_itself.py"


@pytest.fixture(params=["enable --execute-only", "enable"])
def venv(request: pytest.FixtureRequest, user_tmp: Path) -> Venv:
    """An environment with an execute-only interpreter, or with the hook alone."""
    venv = Venv(user_tmp / "venv", has_commands=True)
    check(venv.call(request.param), 0, "enabled")
    return venv


@pytest.mark.parametrize("as_user", [True, False])
def test_its_control_is_not_hardened(venv: Venv, as_user: bool) -> None:
    """The control is started by the base interpreter, so what is blocked is known to be."""
    run = support.run_as_user if as_user else support.run
    with support.Running([venv.python, str(PROGRAM)]) as target:
        argv = [venv.python, "-m", "process_hardening", "verify", "--json", "--built-in"]
        result = run([*argv, "--attack", "proc-mem", "--pid", str(target.pid)], cwd="/")
    assert result.returncode == 0, result.stdout + result.stderr
    (row,) = json.loads(result.stdout)["attacks"]
    assert row["control"] == "leaked"
    assert row["victims"][f"pid {target.pid}"]["outcome"] == "blocked"


def test_its_victims_are_hardened_by_their_own_method(venv: Venv) -> None:
    """And by nothing else: one that undid its hardening leaks."""
    argv = [venv.python, "-m", "process_hardening", "verify", "--json", "--attack", "proc-mem"]
    victims = ("pre-main", "undone", "interpreter")
    result = support.run_as_user([*argv, *(w for v in victims for w in ("--victim", v))], cwd="/")
    (row,) = json.loads(result.stdout)["attacks"]
    outcomes = {name: cell["outcome"] for name, cell in row["victims"].items()}
    assert row["control"] == "leaked"
    assert outcomes == {"pre-main": "blocked", "undone": "leaked", "interpreter": "blocked"}
