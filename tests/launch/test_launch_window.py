"""A patient attacker gets no hold on a program that `harden` starts, nor on root's launcher."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

import support

LAUNCHES = 40
ATTACKS = ("read", "write", "seize", "descriptor")


@pytest.fixture
def target(make: support.Compiler, user_tmp: Path) -> str:
    """A program with a name of its own that runs until the attacker ends it."""
    path = user_tmp / "target"
    shutil.copy(make("target.c"), path)
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def window(make: support.Compiler) -> str:
    """The attacker."""
    return str(make("window.c"))


def holds(window: str, attack: str, command: Sequence[str], launches: int) -> tuple[int, int]:
    """In how many launches the attacker got a hold on the launcher, and on the program.

    Printed too: docs/harden.md quotes it.
    """
    got = [0, 0]
    for _ in range(launches):
        result = support.run_as_user([window, attack, "target", *command])
        assert result.returncode == 0, result.stderr
        words = result.stdout.split()
        got[0] += words[words.index("launcher") + 1] == "1"
        got[1] += words[words.index("program") + 1] == "1"
    print(f"{attack}: {' '.join(command)}: {launches}: launcher {got[0]}, program {got[1]}")
    return got[0], got[1]


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_attack_succeeds_on_a_plain_program(window: str, target: str, attack: str) -> None:
    """Every attack succeeds on a plain program."""
    assert holds(window, attack, [target], 3)[1] == 3


@pytest.mark.parametrize("method", ["execute-only", "copy"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_nobody_gets_a_hold_on_an_execute_only_program(
    harden: str, window: str, target: str, attack: str, method: str
) -> None:
    """Nobody gets a hold on an execute only program."""
    command = [harden, "--method", method, target]

    assert holds(window, attack, command, LAUNCHES)[1] == 0


@pytest.mark.parametrize("attack", ATTACKS)
def test_nobody_gets_a_hold_on_the_launcher_that_root_installed(
    roots_harden: str, window: str, target: str, attack: str
) -> None:
    """Nobody gets a hold on the launcher that root installed."""
    assert holds(window, attack, [roots_harden, target], LAUNCHES) == (0, 0)


def test_root_installed_launcher_makes_the_place_under_the_programs_own_path(
    roots_harden: str, show: str
) -> None:
    """The launcher that root installed makes the place under the program's own path."""
    result = support.run_as_user([roots_harden, show])

    assert f"exe {os.path.realpath(show)}\n" in result.stdout


def test_a_traced_launcher_starts_nothing(harden: str, show: str) -> None:
    """A traced launcher starts nothing."""
    strace = support.find_tool("strace")
    result = support.run_as_user([strace, "-o", "/dev/null", harden, show])

    assert (result.returncode, result.stdout) == (6, "")
    assert "a tracer is attached" in result.stderr
