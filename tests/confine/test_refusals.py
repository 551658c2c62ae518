"""Whatever keeps a start from being confined: one line, the documented status, nothing started."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import starts
import support

if TYPE_CHECKING:
    from outsider import Outsider

START = str(Path(__file__).with_name("programs") / "start_confined.py")
WAYS = {
    "confine": ["confine", "--"],
    "harden --confine": ["harden", "--confine", "--"],
    "process-hardening confine": ["process-hardening", "confine", "--"],
    "process-hardening run --confine": ["process-hardening", "run", "--confine", "--"],
    "confined()": [sys.executable, START, "confined"],
    "popen_confined()": [sys.executable, START, "popen_confined"],
    "confine()": [sys.executable, START, "confine"],
}
"""Every way to start a program confined; the words of the program follow."""

FAULTS = {
    "no Landlock": ("landlock_create_ruleset=ENOSYS", "CONFIG_SECURITY_LANDLOCK"),
    "Landlock left out of lsm=": ("landlock_create_ruleset=EOPNOTSUPP", "lsm="),
    "a profile that refuses Landlock": ("landlock_create_ruleset=EPERM", "seccomp profile"),
    "a profile that refuses the domain": ("landlock_restrict_self=EPERM", "seccomp profile"),
    "a domain that is only claimed": ("landlock_restrict_self=0", "landlock_restrict_self"),
    "no seccomp filters": ("seccomp=EINVAL", "CONFIG_SECCOMP_FILTER"),
    "a profile that refuses filters": ("seccomp=EPERM", "seccomp"),
    "a filter that is only claimed": ("seccomp=0", "seccomp"),
    "a capability set that cannot be read": ("capget=EPERM", "capset"),
    "a signal that is only claimed": ("kill=0", "landlock_restrict_self"),
}
"""The system call that fails, and what the line has to name."""

NOT_REACHED, REACHED = 10, 11  # programs/reaches.c

TOO_DEEP = "Linux allows at most 16 nested confinements"


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> list[str]:
    """One way to start a program confined."""
    first, *rest = WAYS[request.param]
    return [first if first == sys.executable else support.find_tool(first), *rest]


def test_without_a_fault_the_program_is_started(way: list[str]) -> None:
    result = support.run_as_user([*way, "echo", "started"])
    assert (result.returncode, result.stdout, result.stderr) == (0, "started\n", "")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_kernel_or_profile_that_cannot_confine_starts_nothing(way: list[str], fault: str) -> None:
    call, named = FAULTS[fault]
    result = support.run_as_user([*starts.refusing(call), *way, "echo", "started"])
    assert named in starts.refused(result)


def test_the_seventeenth_confinement_starts_nothing(way: list[str], confine: str) -> None:
    nested = [confine] * 15
    once_more = support.run_as_user([*nested, *way, "echo", "started"])
    refused = support.run_as_user([*nested, confine, *way, "echo", "started"])
    assert once_more.stdout == "started\n"
    assert TOO_DEEP in starts.refused(refused)


def test_without_proc_nothing_is_started(way: list[str]) -> None:
    """The restrictions could not be tried out."""
    support.require_root()
    script = 'mount -t tmpfs none /proc && exec "$@"'
    words = ["unshare", "--mount", "sh", "-c", script, "sh", *way, "echo", "started"]
    result = support.run(words)
    assert result.returncode in (5, 6, 8, 126), result.stderr  # of `harden`: its own steps
    starts.refused(result, result.returncode)


@pytest.mark.parametrize("name", ["no-such-program", "/no/such/program"])
def test_a_program_that_does_not_exist_ends_with_127(way: list[str], name: str) -> None:
    """After confine() it is the caller who starts it, and who gets Python's error."""
    if way[-1] == "confine":
        result = support.run_as_user([*way, name])
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr.endswith(f": '{name}'\n")
    else:
        starts.refused(support.run_as_user([*way, name]), status=127)


def test_a_program_that_may_not_be_executed_ends_with_126(way: list[str], user_tmp: Path) -> None:
    data = user_tmp / "data"
    data.write_text("text")
    data.chmod(0o644)
    if way[-1] == "confine":
        result = support.run_as_user([*way, str(data)])
        assert (result.returncode, result.stdout) == (1, "")
        assert "PermissionError" in result.stderr
    else:
        starts.refused(support.run_as_user([*way, str(data)]))


@pytest.mark.parametrize("limit", [3, 4, 5])
def test_with_few_descriptors_nothing_is_started_unconfined(
    way: list[str], limit: int, start_victim: Callable[..., Outsider], make: support.Compiler
) -> None:
    """Each way needs another number of them, and Python itself some."""
    script = f'ulimit -n {limit}; exec "$@"'
    with start_victim() as victim:
        program = [str(make("reaches.c", "-static")), str(victim.pid)]
        assert support.run_as_user(program).returncode == REACHED
        result = support.run_as_user(["sh", "-c", script, "sh", *way, *program])
    assert result.returncode != REACHED
    assert (result.stderr == "") is (result.returncode == NOT_REACHED)
