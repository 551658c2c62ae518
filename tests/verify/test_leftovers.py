"""Nothing is left behind: no process, file, core or setting, however a run ends."""

from __future__ import annotations

import os
import signal
import time

import pytest

import support
from verify.leftovers import Place

_CORES = ("core-abort", "core-segv", "core-pipe-abort", "core-pipe-segv")


def test_a_run_leaves_nothing() -> None:
    """A run that goes to its end removes all that it made."""
    with Place() as place:
        run = place.start("--built-in")
        output, errors = run.communicate(timeout=support.TIMEOUT)
        assert run.returncode == 0, output + errors
        place.assert_clean()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_ended_run_leaves_nothing(number: signal.Signals) -> None:
    """Ctrl-C, a polite and an impolite end: victims, attackers and files are gone."""
    with Place() as place:
        run = place.start("--built-in")
        place.wait_for_processes(3)
        time.sleep(0.3)
        os.kill(run.pid, number)
        _, errors = run.communicate(timeout=support.TIMEOUT)
        assert "Traceback" not in errors
        assert run.returncode == (130 if number == signal.SIGINT else -number)
        place.assert_clean()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_core_pattern_is_put_back(number: signal.Signals) -> None:
    """A run that ends while kernel.core_pattern is its own puts it back."""
    support.need_root()
    with Place() as place:
        run = place.start(*(word for name in _CORES for word in ("--attack", name)))
        place.wait_for_core_pattern()
        os.kill(run.pid, number)
        run.communicate(timeout=support.TIMEOUT)
        place.assert_clean()


def test_a_hanging_tool_is_ended() -> None:
    """A tool that hangs, ignores signals and leaves a detached child is ended with its child."""
    with Place() as place:
        folder = place.folder / "fake"
        folder.mkdir()
        gdb = folder / "gdb"
        gdb.write_text("#!/bin/sh\ntrap '' INT TERM\nsetsid sleep 1000 &\nsleep 1000\n")
        gdb.chmod(0o755)
        path = f"{folder}:{os.environ['PATH']}"
        run = place.start("--attack", "gdb", "--victim", "execute-only", PATH=path)
        output, errors = run.communicate(timeout=support.TIMEOUT)
        assert run.returncode == 3, output + errors
        assert "had to be killed" in output
        gdb.unlink()
        folder.rmdir()
        place.assert_clean()
