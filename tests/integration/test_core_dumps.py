"""Core dumps: an unhardened victim leaves its secret in one, a hardened one leaves nothing.

`cores` runs each test twice: with a file pattern and with a pipe pattern in kernel.core_pattern.
The difference matters: a pipe gets the memory even where the core limit is 0 (core(5)).
"""

from __future__ import annotations

import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

import support
import victims
from victims import METHODS, Chat, Cores, make_chat_argv

NOTHING = "0 0 bytes"

SIGNALS = (signal.SIGABRT, signal.SIGSEGV, signal.SIGQUIT, signal.SIGBUS)


def raise_limit(victim: Chat, programs: Path) -> str:
    """Raise the core limit of a victim, as its own user; returns the kernel's objection."""
    program = str(programs / "raise_core_limit.py")
    return support.run_as_user([sys.executable, program, str(victim.pid)]).stderr


def kill(victim: Chat, number: signal.Signals) -> None:
    """End a victim by a signal that dumps core."""
    assert victim.end_by(number) == -number


@contextmanager
def start_control_and_victims(
    chat: str, control: str = "plain"
) -> Iterator[tuple[Chat, list[Chat]]]:
    """Start a victim that leaks, and one that is hardened by each method."""
    with ExitStack() as ending:
        started = [
            ending.enter_context(Chat(make_chat_argv(method, chat)))
            for method in (control, *METHODS)
        ]
        yield started[0], started[1:]


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_leaves_no_core(number: signal.Signals, chat: str, cores: Cores) -> None:
    """A signal that dumps core leaves the secret of an unhardened victim only."""
    with start_control_and_victims(chat) as (control, hardened):
        for victim in (control, *hardened):
            kill(victim, number)
        cores.assert_leaked(control)
        assert [cores.find(victim.pid) for victim in hardened] == [None] * len(METHODS)


@pytest.mark.parametrize("command", ["/crash", "/abort"])
def test_a_crash_leaves_no_core(command: str, chat: str, cores: Cores) -> None:
    """A fault and an abort() of its own leave the secret of an unhardened victim only."""
    with start_control_and_victims(chat) as (control, hardened):
        for victim in (control, *hardened):
            assert victim.ask(command) == ""
        ends = [victim.process.wait(support.TIMEOUT) for victim in (control, *hardened)]
        assert set(ends) == {ends[0]}
        assert ends[0] < 0
        cores.assert_leaked(control)
        assert [cores.find(victim.pid) for victim in hardened] == [None] * len(METHODS)


def test_prlimit_does_not_bring_cores_back(chat: str, programs: Path, cores: Cores) -> None:
    """An attacker can raise a limit that is only softly 0, and not one of ours."""
    with start_control_and_victims(chat, "SOFT_ONLY") as (control, hardened):
        assert raise_limit(control, programs) == "", "inconclusive: the limit cannot be raised"
        for victim in hardened:
            assert victims.NOT_PERMITTED in raise_limit(victim, programs)
            assert victims.read_core_limit(victim.pid) == NOTHING

        for victim in (control, *hardened):
            kill(victim, signal.SIGSEGV)
        cores.assert_leaked(control)
        assert [cores.find(victim.pid) for victim in hardened] == [None] * len(METHODS)


def crash_and_expect_a_dump_through_pipes_only(victim: Chat, cores: Cores) -> None:
    """Crash a process with a core limit of 0 that is dumpable."""
    assert victims.read_core_limit(victim.pid) == NOTHING
    kill(victim, signal.SIGSEGV)
    if cores.piped:
        assert victim.key.encode() in (cores.find(victim.pid) or b"")
    else:
        assert cores.find(victim.pid) is None


def test_the_limit_alone_does_not_stop_a_pipe(chat: str, cores: Cores) -> None:
    """A policy without the inspection step leaves the memory to a pipe in core_pattern."""
    with Chat(make_chat_argv("LIMIT_ONLY", chat)) as victim:
        crash_and_expect_a_dump_through_pipes_only(victim, cores)


def test_a_child_program_dumps_through_pipes_only(chat: str, programs: Path, cores: Cores) -> None:
    """A program that a hardened process starts inherits the core limit, and is dumpable again."""
    start = [sys.executable, str(programs / "harden_and_become.py")]
    with Chat([*start, *make_chat_argv("plain", chat)]) as victim:
        crash_and_expect_a_dump_through_pipes_only(victim, cores)


def read_core_settings() -> list[str]:
    """Where cores go while no test changes that."""
    with support.Sysctl("kernel/core_pattern") as pattern:
        return [pattern.before, Path("/proc/sys/kernel/core_pipe_limit").read_text()]


def test_settings_are_restored_when_a_test_fails(tmp_path: Path) -> None:
    """The fixtures put the kernel's settings back, also after a failure."""
    limit = resource.getrlimit(resource.RLIMIT_CORE)
    before = read_core_settings()
    support.require_root()

    shutil.copy(victims.PROGRAMS / "fails_with_cores.py", tmp_path)
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "--rootdir", "."]
    tests = victims.PROGRAMS.parent
    result = subprocess.run(
        [*argv, "-o", f"pythonpath={tests}", "fails_with_cores.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 failed" in result.stdout, result.stdout
    assert f"was {before[0]}" not in result.stdout
    assert "was |" in result.stdout

    assert read_core_settings() == before
    assert resource.getrlimit(resource.RLIMIT_CORE) == limit
