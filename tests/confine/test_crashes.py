"""A confined program makes no other process leave its memory in a core."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import support
import victims

if TYPE_CHECKING:
    from outsider import Outsider

CRASH = str(Path(__file__).with_name("programs") / "crash.py")
OWNER = str(Path(__file__).with_name("programs") / "socket_owner.py")
SAVE = victims.PROGRAMS / "save_core.sh"

# What the victim does next, so that the kernel sends the signal; "": nothing is needed.
WAYS = {
    "signal": "",
    "pidfd": "",
    "group": "",
    "processor time": "burn",
    "file size": "write",
    "descriptor": "",
    "descriptor of a group": "",
}


@pytest.fixture(params=["file", "pipe"])
def cores(
    request: pytest.FixtureRequest, user_tmp: Path, core_pattern: support.Sysctl
) -> Iterator[victims.Cores]:
    """Send cores to a folder, once as files and once through a pipe to a program."""
    with support.Sysctl("kernel/core_pipe_limit") as pipe_limit, victims.allow_core_dumps():
        if request.param == "file":
            core_pattern.set(f"{user_tmp}/core.%p")
        else:
            pipe_limit.set("64")  # a process that dumps waits for the program in the pipe
            core_pattern.set(f"|{SAVE} %p {user_tmp}")
        yield victims.Cores(user_tmp, piped=request.param == "pipe")


def crash(victim: Outsider, way: str, *prefix: str) -> int:
    """Try to crash a victim; returns the attacker's status, not 0 when it was refused."""
    argv = [*prefix, sys.executable, CRASH, way, str(victim.pid)]
    return support.run_as_user(argv).returncode


@pytest.mark.parametrize("way", WAYS)
def test_a_confined_program_crashes_nothing_outside(
    way: str, confine: str, start_victim: Callable[..., Outsider], cores: victims.Cores
) -> None:
    # Process groups of their own: a signal to the group must not reach this test.
    with (
        start_victim(start_new_session=True) as control,
        start_victim(start_new_session=True) as victim,
    ):
        assert crash(control, way) == 0
        control.process.communicate(f"{WAYS[way]}\n", timeout=support.TIMEOUT)
        assert control.process.returncode < 0
        assert control.secret.encode() in (cores.find(control.pid) or b"")

        refused = crash(victim, way, confine)
        assert refused or not WAYS[way]
        assert victim.ask("write") == "written"
        assert cores.find(victim.pid) is None


def test_a_confined_program_chooses_no_signal_for_the_owner_of_a_socket(confine: str) -> None:
    """The kernel sends it in the owner's name, so Landlock does not refuse it."""
    assert support.run_as_user([sys.executable, OWNER]).returncode == -signal.SIGSEGV
    result = support.run_as_user([sys.executable, OWNER, confine])
    assert (result.returncode, result.stdout) == (0, "refused\nSIGIO\n")


OWNERS = ("F_SETOWN", "F_SETOWN of a group", "F_SETOWN_EX", "FIOSETOWN", "SIOCSPGRP")


@pytest.mark.parametrize("way", OWNERS)
def test_a_confined_program_ends_nothing_outside_by_a_socket(
    way: str, confine: str, start_victim: Callable[..., Outsider]
) -> None:
    """SIGIO, which is what the filter leaves: it ends a process that expects none."""
    with (
        start_victim(start_new_session=True) as control,
        start_victim(start_new_session=True) as victim,
    ):
        assert crash(control, way) == 0
        assert control.process.wait(support.TIMEOUT) == -signal.SIGIO
        crash(victim, way, confine)
        assert victim.ask("write") == "written"


def test_a_confined_program_raises_no_core_limit_outside(
    confine: str,
    start_victim: Callable[..., Outsider],
    core_pattern: support.Sysctl,
    user_tmp: Path,
) -> None:
    """A crash for another reason then leaves nothing where the limit is softly 0."""
    core_pattern.set(f"{user_tmp}/core.%p")
    with (
        start_victim("prlimit", "--core=0:", "--") as control,
        start_victim("prlimit", "--core=0:", "--") as victim,
    ):
        crash(control, "signal")
        control.process.wait(support.TIMEOUT)
        crash(victim, "signal", confine)
        victim.end_by(signal.SIGSEGV)

        assert victims.Cores(user_tmp, piped=False).find(victim.pid) is None
        assert control.secret.encode() in (
            victims.Cores(user_tmp, piped=False).find(control.pid) or b""
        )
