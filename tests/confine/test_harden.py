"""`harden --confine`: a program that holds a secret and is not trusted with those of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

import starts
import support

if TYPE_CHECKING:
    from outsider import Outsider

OPTIONS = (
    (),
    ("--strict",),
    ("--seal",),
    ("--children",),
    ("--method", "copy"),
    ("--method", "preload"),
)


@pytest.fixture(params=["harden", "process-hardening run"])
def launcher(request: pytest.FixtureRequest) -> list[str]:
    """Both names of the launcher, with the option."""
    name, *rest = request.param.split()
    return [support.find_tool(name), *rest, "--confine"]


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_the_program_is_hardened_and_reads_nothing_outside(
    launcher: list[str], start_victim: Callable[..., Outsider], options: tuple[str, ...]
) -> None:
    with start_victim() as outside, start_victim(*launcher, *options, "--") as program:
        path = f"/proc/{outside.pid}/environ"
        read = support.run_as_user([*launcher, *options, "--", "cat", path])
        assert outside.secret in support.run_as_user(["cat", path]).stdout
        assert (read.returncode, read.stdout) == (1, "")
        assert support.read_dumpable(program.pid) == 0


def test_root_is_confined_too(launcher: list[str], start_victim: Callable[..., Outsider]) -> None:
    support.require_root()
    with start_victim() as outside:
        result = support.run([*launcher, "--", "cat", f"/proc/{outside.pid}/environ"])
    assert (result.returncode, result.stdout) == (1, "")


def test_without_landlock_nothing_is_started(launcher: list[str]) -> None:
    filtered = starts.refusing("landlock_create_ruleset=EOPNOTSUPP")
    line = starts.refused(support.run_as_user([*filtered, *launcher, "--", "echo", "started"]))
    assert "lsm=" in line


def test_the_environment_is_the_one_of_the_launcher(
    launcher: list[str], compiler: support.Compiler
) -> None:
    """Names that occur twice, and entries without a name."""
    entries = [b"PATH=/usr/bin:/bin", b"TWICE=1", b"NONE", b"TWICE=2"]
    argv = [*launcher, "--", str(compiler("subject.c")), "tell"]
    result = support.run_as_user(starts.make_raw_argv(compiler, entries, argv))

    assert result.returncode == 0, result.stderr
    seen = starts.Shown(result.stdout).variables
    assert [entry for entry in seen if entry in entries] == entries


def test_explain_names_it() -> None:
    result = support.run_as_user([support.find_tool("harden"), "--confine", "--explain", "true"])
    assert "\nconfined: " in result.stdout
