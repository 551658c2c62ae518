"""Runtimes that open themselves: when one is open, and the command that starts it closed."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from process_hardening.runtimes import RUNTIMES, Runtime, close, is_open, runtime_of

USR1 = 1 << signal.SIGUSR1 - 1
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "harden.md"


@pytest.mark.parametrize(
    ("program", "options", "caught", "blocked", "expected"),
    [
        ("node", (), USR1, 0, True),
        ("node", (), 0, 0, False),
        ("node", ("--disable-sigusr1",), USR1, 0, False),
        ("nodejs", ("--inspect-port=192.0.2.1:9229",), USR1, 0, False),
        ("nodejs", ("--inspect-port=9230",), USR1, 0, True),
        ("deno", ("run",), USR1, USR1, False),
        ("java", ("-Xrs",), 0, 0, True),
        ("java", ("-Xmx9m", "-XX:+DisableAttachMechanism"), 0, 0, False),
        ("beam.smp", (), USR1, 0, True),
        ("beam.smp", (), USR1, USR1, False),
    ],
)
def test_a_runtime_is_open_unless_its_options_or_signals_close_it(
    program: str, options: tuple[str, ...], caught: int, blocked: int, expected: bool
) -> None:
    runtime = runtime_of(program)
    assert runtime is not None
    assert is_open(runtime, options, caught, blocked) is expected


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.name)
def test_the_words_that_close_a_runtime_are_documented(runtime: Runtime) -> None:
    before, command = close(runtime, (runtime.programs[0], "x"))
    words = (*before, *command[1:-1], *runtime.others)
    assert words
    assert [word for word in words if word not in DOCUMENT.read_text()] == []


def test_a_program_of_another_kind_is_no_such_runtime() -> None:
    assert runtime_of("python3") is None
