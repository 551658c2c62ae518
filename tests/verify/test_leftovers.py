"""A run that is ended early leaves no process, file, core or setting behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

import support
from process_hardening.verify.lab import lab
from verify.leftovers import CORE_PATTERN, Place

_CORES = ("core-abort", "core-segv", "core-pipe-abort", "core-pipe-segv")


_SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL]


@pytest.mark.parametrize("number", _SIGNALS)
def test_an_interrupted_run_leaves_nothing(number: signal.Signals) -> None:
    """After SIGINT, SIGTERM, SIGHUP and SIGKILL, victims, attackers and files are gone."""
    with Place() as place:
        run = place.start("--built-in")
        place.wait_for_processes(3)
        os.kill(run.pid, number)
        _, errors = run.communicate(timeout=support.TIMEOUT)
        assert "Traceback" not in errors
        assert run.returncode == (130 if number == signal.SIGINT else -number)
        place.assert_clean()


def test_a_run_ends_with_its_place() -> None:
    """One that a failed test left would hold the lock on kernel.core_pattern."""
    with Place() as place:
        run = start_setting_the_core_pattern(place)
        os.kill(find_laboratory(run.pid), signal.SIGSTOP)
    assert run.returncode is not None
    assert not place.find_processes()
    assert str(place.folder) not in CORE_PATTERN.read_text()


def start_setting_the_core_pattern(place: Place) -> subprocess.Popen[str]:
    """Start a run, and wait until it has changed kernel.core_pattern."""
    support.require_root()
    run = place.start(*(word for name in _CORES for word in ("--attack", name)))
    place.wait_for_core_pattern()
    return run


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_restores_the_core_pattern(number: signal.Signals) -> None:
    """kernel.core_pattern is restored even after SIGKILL."""
    with Place() as place:
        run = start_setting_the_core_pattern(place)
        os.kill(run.pid, number)
        run.communicate(timeout=support.TIMEOUT)
        place.assert_clean()


@pytest.mark.parametrize("number", _SIGNALS)
def test_an_interrupted_run_whose_laboratory_is_stopped_leaves_nothing(
    number: signal.Signals,
) -> None:
    """Every process of its user can stop it. After SIGKILL, only the stopped processes are left."""
    with Place() as place:
        run = start_setting_the_core_pattern(place)
        laboratory = find_laboratory(run.pid)
        os.kill(laboratory, signal.SIGSTOP)
        os.kill(run.pid, number)
        run.communicate(timeout=support.TIMEOUT)
        if number == signal.SIGKILL:
            place.wait_for_no_files()
            os.kill(laboratory, signal.SIGCONT)
        place.assert_clean()


def test_a_run_whose_laboratory_is_kept_stopped_ends_with_one_line() -> None:
    """With status 2 and nothing left behind, instead of waiting forever."""
    with Place() as place:
        run = place.start("--built-in")
        place.wait_for_processes(3)
        laboratory = find_laboratory(run.pid)
        deadline = time.monotonic() + support.TIMEOUT
        with suppress(ProcessLookupError):
            while run.poll() is None and time.monotonic() < deadline:
                os.kill(laboratory, signal.SIGSTOP)
        output, errors = run.communicate(timeout=support.TIMEOUT)
        assert (run.returncode, output) == (2, "")
        assert "keeps stopping the laboratory (SIGSTOP): end that process" in errors
        assert errors.count("\n") == 1
        place.assert_clean()


def find_laboratory(run: int) -> int:
    """Return the laboratory of a run."""
    for pid in Path(f"/proc/{run}/task/{run}/children").read_text().split():
        if lab.__name__.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            return int(pid)
    raise AssertionError("no laboratory is running")


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
