"""Our CMake projects for other machines, with the compiler of PyPI's ziglang."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from tools import debian

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
"""Where the environment has its programs."""
GLIBC = "2.36"
"""The oldest that has all that the programs of the tests call."""


def cc(target: str) -> list[str]:
    """The words that begin a call of the compiler for a target.

    zig instruments code compiled with -O0 for UBSan, but does not link its runtime everywhere.
    """
    return [sys.executable, "-m", "ziglang", "cc", "-target", target, "-fno-sanitize=undefined"]


def compiler(target: str, path: Path, *options: str) -> Path:
    """Write the compiler for a target of Linux as one program, since CMake wants it so."""
    path.write_text(f'#!/bin/sh\nexec {shlex.join([*cc(target), *options])} "$@"\n')
    path.chmod(0o755)
    return path


def build(machine: str, compiled_by: Path, folder: Path, settings: Mapping[str, object]) -> None:
    """Configure and build the project in a folder. Raises MatrixError; the logs lie beside it.

    machine -- the processor, as `uname -m` says it
    settings -- variables of CMake
    """
    variables: dict[str, object] = {
        "CMAKE_BUILD_TYPE": "Release",
        "CMAKE_C_COMPILER": compiled_by,
        "CMAKE_MAKE_PROGRAM": BIN / "ninja",
        "CMAKE_SYSTEM_NAME": "Linux",
        "CMAKE_SYSTEM_PROCESSOR": machine,
        "PROCESS_HARDENING_WERROR": "ON",
        **settings,
    }
    flags = [f"-D{name}={value}" for name, value in variables.items()]
    cmake = BIN / "cmake"
    debian.run(
        [cmake, "-G", "Ninja", *flags, "-S", ROOT, "-B", folder],
        log=folder.with_name(f"{folder.name}-configure.log"),
    )
    debian.run([cmake, "--build", folder], log=folder.with_name(f"{folder.name}-build.log"))
