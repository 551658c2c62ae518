"""Run a target of targets.py under atheris: NAME, then options of libFuzzer and folders of inputs."""

from __future__ import annotations

import functools
import importlib
import sys
from typing import Any


def main() -> None:
    """Fuzz the target that is named first; does not return."""
    atheris: Any = importlib.import_module("atheris")  # installed by `make fuzz` alone
    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=["process_hardening"]):
        from fuzz.targets import try_target
    atheris.Setup(sys.argv, functools.partial(try_target, name))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
