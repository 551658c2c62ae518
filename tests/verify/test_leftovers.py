"""A run that is ended early leaves no process, file, core or setting behind."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

import support
from verify.leftovers import Place

_CORES = ("core-abort", "core-segv", "core-pipe-abort", "core-pipe-segv")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_leaves_nothing(number: signal.Signals) -> None:
    """After SIGINT, SIGTERM and SIGKILL, victims, attackers and files are gone."""
    with Place() as place:
        run = place.start("--built-in")
        place.wait_for_processes(3)
        os.kill(run.pid, number)
        _, errors = run.communicate(timeout=support.TIMEOUT)
        assert "Traceback" not in errors
        assert run.returncode == (130 if number == signal.SIGINT else -number)
        place.assert_clean()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_restores_the_core_pattern(number: signal.Signals) -> None:
    """kernel.core_pattern is restored even after SIGKILL."""
    support.require_root()
    with Place() as place:
        run = place.start(*(word for name in _CORES for word in ("--attack", name)))
        place.wait_for_core_pattern()
        os.kill(run.pid, number)
        run.communicate(timeout=support.TIMEOUT)
        place.assert_clean()


def test_a_hanging_tool_is_killed_with_its_child() -> None:
    """A tool that ignores signals and leaves a detached child does not hold up a run."""
    with Place() as place:
        folder = place.folder / "fake"
        folder.mkdir()
        shutil.copy(Path(__file__).parent / "programs" / "hanging_tool.sh", folder / "strace")
        path = f"{folder}:{os.environ['PATH']}"
        run = place.start("--attack", "strace", "--victim", "execute-only", PATH=path)
        output, errors = run.communicate(timeout=support.TIMEOUT)
        assert run.returncode == 3, output + errors
        assert "had to be killed" in output
        shutil.rmtree(folder)
        place.assert_clean()
