"""Run a target of targets.py under atheris: NAME, then options of libFuzzer, then folders."""

from __future__ import annotations

import importlib
import shlex
import signal
import sys
from types import FrameType
from typing import Any

LONGEST_INPUT = 20.0
"""Seconds of the processor after which an input has hung; libFuzzer's limit counts others' too."""


def end_hung(_signal: int, _frame: FrameType | None) -> None:
    """Raise an error that no target takes for an answer, as it would an OSError."""
    raise RuntimeError(f"not done in {LONGEST_INPUT} seconds of the processor")


def main() -> None:
    """Fuzz the target that is named first; does not return."""
    atheris: Any = importlib.import_module("atheris")  # installed by `make fuzz` alone
    name, *words = sys.argv[1:]
    with atheris.instrument_imports(include=["process_hardening"]):
        from fuzz.targets import try_target
    signal.signal(signal.SIGPROF, end_hung)

    def try_input(data: bytes) -> None:
        signal.setitimer(signal.ITIMER_PROF, LONGEST_INPUT)
        try_target(name, data)

    # What libFuzzer starts again, in a shell, to merge inputs.
    command = shlex.join([sys.executable, __file__, name])
    atheris.Setup([command, *words], try_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
